// h5dcp tune: measures what can be chosen in a folder, and writes down what was best.

#include <fstream>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "file_system.hpp"
#include "h5dcp/profile.hpp"
#include "measure_all.hpp"
#include "ranks.hpp"
#include "result.hpp"
#include "shared_scratch.hpp"
#include "text.hpp"
#include "tuning.hpp"
#include "verbs.hpp"
#include "way.hpp"

namespace tool {
namespace {

namespace fs = std::filesystem;
using benchmark::Measured;
using benchmark::Result;
using benchmark::Topic;

// What became of one topic.
struct Answer {
  const char* topic;
  std::string chosen;
  Result result;  // of which the first way is what was chosen before
};

const benchmark::Summary& summary_of(const Measured& measured, const std::string& what,
                                     const std::string& way) {
  for (const auto& each : measured.summaries) {
    if (each.what == what && each.way == way) return each;
  }
  throw std::logic_error("no " + what + " of " + way);
}

// A line a way; of each workload the median seconds of a save and a load, and how much of raw.
void print_table(const Answer& answer) {
  const auto& workloads = answer.result.workloads;
  std::string alignment = "l";
  Table::Row header{answer.topic};
  for (const auto& measured : workloads) {
    for (const auto* const what : {"save", "load"}) {
      header.insert(header.end(), {measured.workload + " " + what + " s", "of raw"});
      alignment += "rr";
    }
  }
  header.emplace_back("score");
  Table table(alignment + "rl");
  table.add(header);
  auto ways = answer.result.run.way;
  ways.insert(ways.begin(), benchmark::kRaw);
  for (const auto& way : ways) {
    Table::Row row{way};
    for (const auto& measured : workloads) {
      for (const auto* const what : {"save", "load"}) {
        const auto& each = summary_of(measured, what, way);
        row.push_back(benchmark::fixed(each.seconds.median, 4));
        row.push_back(benchmark::fixed(each.of_raw.median, 2));
      }
    }
    row.push_back(benchmark::fixed(score_of(workloads, way), 2));
    if (way == answer.chosen) row.emplace_back("chosen");
    table.add(std::move(row));
  }
  table.print();
  std::cout << std::endl;  // the next topic takes its time
}

// How the profile came to be.
Json to_json(const std::vector<Answer>& answers) {
  const auto& [run, place, workloads] = answers.front().result;
  Json json{{"h5dcp", place.version},
            {"time", place.time},
            {"dir", run.dir},
            {"file_system", place.file_system},
            {"ranks", place.ranks},
            {"hosts", place.hosts},
            {"workload", run.workload},
            {"scale", run.scale},
            {"repetitions", run.repetitions},
            {"cold", run.cold},
            {"scores", Json::object()}};
  for (const auto& answer : answers) {
    auto& scores = json["scores"][answer.topic];
    for (const auto& way : answer.result.run.way) {
      scores[way] = score_of(answer.result.workloads, way);
    }
  }
  return json;
}

void tell(const TuneOptions& options, const std::vector<Answer>& answers) {
  const auto& chosen = answers.back().chosen;
  const auto profile = h5dcp::profile_of(benchmark::way_named(chosen).options);
  std::cout << "best: " << chosen << '\n'
            << (chosen == benchmark::kFirstChoice ? "That is the default.\n" : "") << '\n'
            << profile;
  if (options.write.empty()) {
    std::cout << "\n--write FILE makes a file of it, for h5dcp::options_from_profile and "
                 "h5dcp bench --profile\n";
    return;
  }
  auto json = Json::parse(profile);
  json["measured"] = to_json(answers);
  std::ofstream file(options.write);
  if (!(file << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n').flush()) {
    throw std::runtime_error("'" + options.write + "' cannot be written");
  }
  std::cout << "\nwritten to " << printable(options.write) << '\n';
}

// As rank 0 sees them.
benchmark::Surroundings surroundings(const h5dcp::Comm& comm, const fs::path& folder) {
  std::uint64_t is_lustre = 0;
  comm.agree("look at the file system", [&] {
    if (comm.rank() == 0) is_lustre = file_system_of(folder).type == "lustre" ? 1 : 0;
  });
  return {comm.size(), comm.max("look at the file system", {is_lustre}).front() == 1};
}

// Nothing if there is nothing to choose.
std::optional<Answer> ask(const h5dcp::Comm& comm, const Topic& topic, const std::string& before,
                          const benchmark::Surroundings& here, benchmark::Run run,
                          const fs::path& folder) {
  run.way = topic.others(before, here);
  if (run.way.empty()) return std::nullopt;
  run.way.insert(run.way.begin(), before);
  comm.agree("make a folder", [&] {
    if (comm.rank() == 0) fs::create_directory(folder);
  });
  Answer answer{topic.name, before, measure_all(comm, run, folder)};
  // All ranks have the same times.
  answer.chosen = best_of(run.way, answer.result.workloads);
  return answer;
}

int tune_together(const h5dcp::Comm& comm, const TuneOptions& options) {
  comm.agree("tune", [&] {
    const bool writes = comm.rank() == 0 && !options.write.empty();
    if (writes && !std::ofstream(options.write, std::ios::app)) {
      throw std::runtime_error("'" + options.write + "' cannot be written");
    }
  });
  const SharedScratch scratch(comm, options.run.dir, "tune");
  const auto here = surroundings(comm, scratch.path());
  std::vector<Answer> answers;
  for (const auto& topic : benchmark::kTopics) {
    const auto before = answers.empty() ? benchmark::kFirstChoice : answers.back().chosen;
    auto answer = ask(comm, topic, before, here, options.run, scratch.path() / topic.name);
    if (!answer) continue;
    comm.agree("report", [&] {
      if (comm.rank() != 0) return;
      if (answers.empty()) std::cout << printable(headline(answer->result)) << "\n\n";
      print_table(*answer);
    });
    answers.push_back(std::move(*answer));
  }
  comm.agree("report", [&] {
    if (comm.rank() == 0) tell(options, answers);
  });
  return kFine;
}

}  // namespace

int tune(const TuneOptions& options) {
  check(options.run);
  return run_on_ranks([&](const h5dcp::Comm& comm) { return tune_together(comm, options); },
                      kDamaged);
}

}  // namespace tool
