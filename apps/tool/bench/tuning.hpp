// What `h5dcp tune` tries, and what it makes of the times.

#pragma once

#include <array>
#include <string>
#include <vector>

#include "result.hpp"

namespace tool::benchmark {

// What there is to choose from depends on it.
struct Surroundings {
  int ranks = 1;
  bool is_lustre = false;
};

// Something to be chosen, when what comes before it has been.
struct Topic {
  const char* name;
  // The ways that do what `chosen` does, but for this; none if there is nothing to choose.
  std::vector<std::string> (*others)(const std::string& chosen, const Surroundings& here);
};

// In the order in which they are chosen. `chosen` begins with kFirstChoice, and each way consists
// of words that were added to it.
extern const std::array<Topic, 4> kTopics;
inline constexpr const char* kFirstChoice = "automatic";

// The geometric mean of the median fractions of raw, over saves and loads of all workloads.
double score_of(const std::vector<Measured>& workloads, const std::string& way);

// The first of `ways`, or the one with the highest score, if that is higher by what can be no
// accident.
std::string best_of(const std::vector<std::string>& ways, const std::vector<Measured>& workloads);

}  // namespace tool::benchmark
