#include "api/operation_record.hpp"

#include <fmt/chrono.h>

#include <nlohmann/json.hpp>

namespace h5dcp {
namespace {

using Json = nlohmann::ordered_json;  // the fields in this order

Json to_json(const Phase& phase) {
  return {{"name", phase.name},
          {"min_seconds", phase.min_seconds},
          {"mean_seconds", phase.mean_seconds},
          {"max_seconds", phase.max_seconds},
          {"slowest_rank", phase.slowest_rank},
          {"bytes", phase.bytes}};
}

}  // namespace

std::string to_json(const OperationRecord& record) {
  Json json{{"what", record.what},
            {"checkpoint", record.checkpoint},
            {"time", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                                 fmt::gmtime(std::chrono::system_clock::to_time_t(record.time)))},
            {"ranks", record.ranks},
            {"bytes", record.report.bytes},
            {"seconds", record.seconds},
            {"phases", Json::array()}};
  if (record.checkpoint.empty()) json["checkpoint"] = nullptr;
  for (const auto& phase : record.report.phases) json["phases"].push_back(to_json(phase));
  if (record.failure) {
    json["error"] = {{"step", record.failure->step},
                     {"ranks", record.failure->ranks},
                     {"message", record.failure->message}};
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace h5dcp
