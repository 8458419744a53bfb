// The forms of a result that programs read.

#include <algorithm>
#include <sstream>

#include "result.hpp"
#include "text.hpp"
#include "way.hpp"

namespace tool::benchmark {
namespace {

// How much of the bandwidth of raw in the same round.
double of_raw(const Measured& measured, const Measurement& each) {
  const auto raw = std::ranges::find_if(measured.each, [&](const Measurement& other) {
    return other.what == each.what && other.round == each.round && other.way == kRaw;
  });
  return raw->seconds / each.seconds;
}

Json to_json(const Range& range) {
  return {{"median", range.median}, {"min", range.min}, {"max", range.max}};
}

Json to_json(const Measurement& each) {
  Json json{{"what", each.what},
            {"way", each.way},
            {"round", each.round},
            {"seconds", each.seconds},
            {"slowest_rank", each.slowest_rank},
            {"bytes", each.nbytes},
            {"repeated", each.repeated},
            {"phases", Json::array()}};
  for (const auto& phase : each.phases) {
    json["phases"].push_back({{"name", phase.name},
                              {"min_seconds", phase.min_seconds},
                              {"mean_seconds", phase.mean_seconds},
                              {"max_seconds", phase.max_seconds},
                              {"slowest_rank", phase.slowest_rank},
                              {"bytes", phase.bytes}});
  }
  return json;
}

Json to_json(const Summary& each) {
  return {{"what", each.what},
          {"way", each.way},
          {"seconds", to_json(each.seconds)},
          {"gigabytes_per_second", to_json(each.gigabytes_per_second)},
          {"of_raw", to_json(each.of_raw)},
          {"slowest_rank", each.slowest_rank}};
}

Json to_json(const Measured& measured);

template <class Each>
Json list_of(const std::vector<Each>& all) {
  Json list = Json::array();
  for (const auto& each : all) list.push_back(to_json(each));
  return list;
}

Json to_json(const Measured& measured) {
  return {{"workload", measured.workload},          {"tensors", measured.size.tensors},
          {"elements", measured.size.elements},     {"bytes", measured.size.nbytes},
          {"summary", list_of(measured.summaries)}, {"measured", list_of(measured.each)}};
}

}  // namespace

std::string csv_of(const Result& result) {
  const auto& [run, place, workloads] = result;
  std::ostringstream csv;
  csv.precision(9);
  csv << "workload,scale,optimizer,tensors,ranks,hosts,file_system,cold,what,way,round,seconds,"
         "bytes,gigabytes_per_second,of_raw,slowest_rank\n";
  for (const auto& measured : workloads) {
    for (const auto& each : measured.each) {
      csv << measured.workload << ',' << run.scale << ',' << run.optimizer << ','
          << measured.size.tensors << ',' << place.ranks << ',' << place.hosts << ','
          << place.file_system << ',' << run.cold << ',' << each.what << ',' << each.way << ','
          << each.round << ',' << each.seconds << ',' << each.nbytes << ','
          << static_cast<double>(each.nbytes) / 1e9 / each.seconds << ',' << of_raw(measured, each)
          << ',' << each.slowest_rank << '\n';
    }
  }
  return csv.str();
}

std::string json_of(const Result& result) {
  const auto& [run, place, workloads] = result;
  const Json json{{"h5dcp", place.version},
                  {"time", place.time},
                  {"ranks", place.ranks},
                  {"hosts", place.hosts},
                  {"file_system", place.file_system},
                  {"run", to_json(run)},
                  {"workloads", list_of(workloads)}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace tool::benchmark
