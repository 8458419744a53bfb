// Whether a save repeats an earlier one, and what it leaves for later ones.

#pragma once

#include <string>
#include <utility>

#include "api/cached_plan.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/plan_cache.hpp"
#include "h5dcp/planner.hpp"
#include "h5dcp/storage.hpp"
#include "negotiate/plan_digest.hpp"

namespace h5dcp {

// One save and its key of the cache. All methods are rank-local; those that may throw run inside an
// agreement.
class Repetition {
 public:
  // `cache` may be null: then every save is planned.
  Repetition(PlanCache* cache, std::string key) : cache_(cache), key_(std::move(key)) {}

  // 1. Whether this rank can repeat the save. If it can, it has begun, before anybody knows of the
  // others, and `plan` has the slices of then.
  Ballot propose(const Comm& comm, StorageWriterBase& storage, const SavePlanner& planner,
                 SavePlan& plan);

  // 2. Whether all ranks can, have the plan of the same save, and hold the same values and replicas
  // under each name. If not, what has begun is dropped, and `plan` is as it was.
  bool agreed(const Tally& all, StorageWriterBase& storage, SavePlan& plan) noexcept;

  // 3. If so, how to go on.
  RepeatingWriter& writer() { return *writer_; }

  // 3. If not, while the save is planned: before the storage lays it out, and when the plan has its
  // slices.
  void learn_layout();
  void learn_plan(const SavePlan& plan);

  // 4. The save has succeeded: what was learnt is for the next one.
  void keep() noexcept;

  // 4. It has failed.
  void forget() noexcept;

 private:
  PlanCache* cache_;
  std::string key_;
  RepeatingWriter* writer_ = nullptr;  // null if this save cannot be repeated
  bool begun_ = false;                 // on this rank
  PlanContext context_;
  CachedPlan learnt_;
};

}  // namespace h5dcp
