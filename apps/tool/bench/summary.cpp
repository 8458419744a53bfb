#include "summary.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "way.hpp"

namespace tool::benchmark {
namespace {

Range range_of(std::vector<double> values) {
  std::ranges::sort(values);
  const auto half = values.size() / 2;
  const auto median = values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {median, values.front(), values.back()};
}

// The value that comes most often, the lowest of those, and how often.
std::pair<int, std::size_t> most_frequent(const std::vector<int>& values) {
  std::map<int, std::size_t> count;
  for (const auto value : values) ++count[value];
  return *std::ranges::max_element(count, {}, &std::pair<const int, std::size_t>::second);
}

using Measurements = std::vector<const Measurement*>;

Measurements rounds_of(const std::vector<Measurement>& measured, const std::string& what,
                       const std::string& way) {
  Measurements rounds;
  for (const auto& each : measured) {
    if (each.what == what && each.way == way) rounds.push_back(&each);
  }
  return rounds;
}

template <class Of>
Range range_over(const Measurements& rounds, const Of& of) {
  std::vector<double> values;
  for (std::size_t i = 0; i < rounds.size(); ++i) values.push_back(of(i));
  return range_of(std::move(values));
}

// In the order in which they first come: phases may differ between rounds, as where a plan cannot
// be repeated.
std::vector<PhaseSummary> phases_of(const Measurements& rounds) {
  struct Seen {
    std::string name;
    std::vector<double> seconds;
    std::vector<int> ranks;
  };
  std::vector<Seen> seen;
  for (const auto* round : rounds) {
    for (const auto& phase : round->phases) {
      auto found = std::ranges::find(seen, phase.name, &Seen::name);
      if (found == seen.end()) found = seen.insert(seen.end(), {phase.name, {}, {}});
      found->seconds.push_back(phase.max_seconds);
      found->ranks.push_back(phase.slowest_rank);
    }
  }
  std::vector<PhaseSummary> phases;
  phases.reserve(seen.size());
  for (const auto& each : seen) {
    phases.push_back({each.name, range_of(each.seconds).median, most_frequent(each.ranks).first});
  }
  return phases;
}

Summary summary_of(const Measurements& rounds, const Measurements& raw) {
  Summary summary{.what = rounds.front()->what, .way = rounds.front()->way};
  summary.seconds = range_over(rounds, [&](std::size_t i) { return rounds[i]->seconds; });
  summary.gigabytes_per_second = range_over(rounds, [&](std::size_t i) {
    return static_cast<double>(rounds[i]->nbytes) / 1e9 / rounds[i]->seconds;
  });
  summary.of_raw =
      range_over(rounds, [&](std::size_t i) { return raw[i]->seconds / rounds[i]->seconds; });
  std::vector<int> slowest;
  for (const auto* round : rounds) {
    slowest.push_back(round->slowest_rank);
    summary.repeated += round->repeated ? 1 : 0;
  }
  std::tie(summary.slowest_rank, summary.slowest_in) = most_frequent(slowest);
  summary.phases = phases_of(rounds);
  return summary;
}

}  // namespace

std::vector<Summary> summarize(const Run& run, const std::vector<Measurement>& measured) {
  std::vector<std::string> ways{kRaw};
  ways.insert(ways.end(), run.way.begin(), run.way.end());
  std::vector<Summary> all;
  for (const auto* const what : {"save", "load"}) {
    const auto raw = rounds_of(measured, what, kRaw);
    for (const auto& way : ways) all.push_back(summary_of(rounds_of(measured, what, way), raw));
  }
  return all;
}

}  // namespace tool::benchmark
