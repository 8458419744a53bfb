// Where the time of a save or load went.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace h5dcp {

struct Phase {
  std::string name;
  double min_seconds = 0;  // over all ranks
  double mean_seconds = 0;
  double max_seconds = 0;
  int slowest_rank = 0;
  std::uint64_t bytes = 0;  // moved, all ranks together: of tensors, and when saving also of values
};

// The same on every rank.
struct Report {
  std::vector<Phase> phases;  // in their order
  std::uint64_t bytes = 0;    // as above
};

// A table for people, one phase a line.
std::string to_string(const Report& report);

}  // namespace h5dcp
