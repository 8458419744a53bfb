// Whether a plan is the one that was negotiated before.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/checksum.hpp"
#include "h5dcp/bytes.hpp"
#include "h5dcp/planner.hpp"

namespace h5dcp {

// What decides about a plan beside its items.
struct PlanContext {
  int rank = 0;
  int size = 1;
  int coordinator = 0;
  std::string planner;                    // its class
  std::string plans_by;                   // SavePlanner::plans_by
  std::string writer;                     // its class and RepeatingWriter::layout_options
  std::vector<std::uint32_t> nodes = {};  // of each rank
};

// Every field that reaches the file or decides who writes what; not the slices, which follow from
// it. rooms[i] is how long the value of item i may be, where it has a place already: one that fits
// is encoded as long as its room.
Bytes layout_fields(const SavePlan& plan, const std::vector<std::uint64_t>& rooms,
                    const PlanContext& context);

// Of layout_fields. Throws Error{invalid_argument} if an item is not complete.
Digest128 plan_digest(const SavePlan& plan, const std::vector<std::uint64_t>& rooms,
                      const PlanContext& context);

// Adds up to 0 (modulo 2^64) over all ranks if the ranks that hold a value, or a box of a tensor
// that has a digest, hold the same; if not, to something else, unless hashes collide. `plan` has
// its slices.
std::uint64_t replica_balance(const SavePlan& plan);

}  // namespace h5dcp
