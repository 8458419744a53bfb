// What the rounds of a run come to, way by way.

#pragma once

#include <string>
#include <vector>

#include "rounds.hpp"

namespace tool::benchmark {

// Over the rounds.
struct Range {
  double median = 0;
  double min = 0;
  double max = 0;
};

struct PhaseSummary {
  std::string name;
  double median_seconds = 0;  // of the slowest rank
  int slowest_rank = 0;       // in most rounds
};

struct Summary {
  std::string what;
  std::string way;
  Range seconds = {};
  Range gigabytes_per_second = {};
  // The bandwidth by that of raw in the same round; 1 of raw itself.
  Range of_raw = {};
  int slowest_rank = 0;        // in most rounds
  std::size_t slowest_in = 0;  // so many
  std::vector<PhaseSummary> phases = {};
  std::size_t repeated = 0;  // saves that did not plan
};

// Saves, then loads, raw first, then the ways in the order of `run`.
std::vector<Summary> summarize(const Run& run, const std::vector<Measurement>& measured);

}  // namespace tool::benchmark
