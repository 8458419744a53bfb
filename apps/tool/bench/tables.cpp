#include <iomanip>
#include <iostream>
#include <sstream>

#include "result.hpp"
#include "text.hpp"

namespace tool::benchmark {
namespace {

void print_table(const std::vector<Summary>& summaries, const std::string& what,
                 std::int64_t repetitions) {
  Table table("lrrrrrrrl");
  table.add({what, "median s", "min s", "max s", "GB/s", "of raw", "min", "max", "slowest rank"});
  for (const auto& each : summaries) {
    if (each.what != what) continue;
    table.add({each.way, fixed(each.seconds.median, 4), fixed(each.seconds.min, 4),
               fixed(each.seconds.max, 4), fixed(each.gigabytes_per_second.median, 3),
               fixed(each.of_raw.median, 2), fixed(each.of_raw.min, 2), fixed(each.of_raw.max, 2),
               std::to_string(each.slowest_rank) + " (" + std::to_string(each.slowest_in) + " of " +
                   std::to_string(repetitions) + ")"});
  }
  table.print();
  std::cout << '\n';
}

void print_phases(const std::vector<Summary>& summaries) {
  std::cout << "phases: median seconds (slowest rank)\n";
  Table table("lll");
  for (const auto& each : summaries) {
    std::string text;
    for (const auto& phase : each.phases) {
      text += (text.empty() ? "" : ", ") + phase.name + " " + fixed(phase.median_seconds, 4) +
              " (" + std::to_string(phase.slowest_rank) + ")";
    }
    if (!text.empty()) table.add({each.what, each.way, text});
  }
  table.print();
}

// What the numbers do not show.
void print_notes(const std::vector<Summary>& summaries, std::int64_t repetitions) {
  for (const auto& each : summaries) {
    if (each.what == "load" || each.way.find("warm") == std::string::npos) continue;
    if (each.repeated == static_cast<std::size_t>(repetitions)) continue;
    std::cout << each.way << ": " << each.repeated << " of " << repetitions
              << " saves repeated a plan\n";
  }
}

}  // namespace

std::string fixed(double value, int digits) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << value;
  return text.str();
}

std::string headline(const Result& result) {
  const auto& [run, place, workloads] = result;
  std::ostringstream text;
  text << place.ranks << (place.ranks == 1 ? " rank on " : " ranks on ") << place.hosts
       << (place.hosts == 1 ? " host, " : " hosts, ") << place.file_system << "; median of "
       << run.repetitions << (run.repetitions == 1 ? " round" : " rounds") << ", loads "
       << (run.cold ? "from a cold page cache" : "of what was just saved")
       << (run.unverified ? ", unverified" : "");
  return text.str();
}

std::string headline(const Run& run, const Measured& measured) {
  std::ostringstream text;
  text << measured.workload << " at scale " << run.scale << (run.optimizer ? " with optimizer" : "")
       << ": " << measured.size.tensors << " tensors, "
       << fixed(static_cast<double>(measured.size.nbytes) / 1e9, 3) << " GB";
  return text.str();
}

void print_tables(const Result& result) {
  const auto repetitions = result.run.repetitions;
  std::cout << printable(headline(result)) << '\n';
  for (const auto& measured : result.workloads) {
    std::cout << '\n' << headline(result.run, measured) << "\n\n";
    print_table(measured.summaries, "save", repetitions);
    print_table(measured.summaries, "load", repetitions);
    print_phases(measured.summaries);
    print_notes(measured.summaries, repetitions);
  }
}

}  // namespace tool::benchmark
