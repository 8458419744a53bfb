// What a PlanCache has of a save: enough to write the same plan again.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/checksum.hpp"
#include "h5dcp/plan_cache.hpp"
#include "h5dcp/storage.hpp"

namespace h5dcp {

struct CachedPlan {
  Digest128 digest;                             // plan_digest
  std::vector<std::uint64_t> rooms;             // of each item, as there
  std::vector<std::vector<WriteSlice>> slices;  // of each item
  std::shared_ptr<StoredLayout> layout;
};

}  // namespace h5dcp
