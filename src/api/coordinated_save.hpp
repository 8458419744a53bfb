// A save to a storage that has DCP's contract: one rank sees the plans and results of all.

#pragma once

#include <vector>

#include "api/operation.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/storage.hpp"

namespace h5dcp {

// From the local plan to the end. `meta` is what the storage said that it is. Collective; returns
// what this rank wrote.
std::vector<WriteResult> coordinated_save(const Comm& comm, StorageWriter& storage,
                                          SavePlanner& planner, const SavePlan& local_plan,
                                          const StorageMeta& meta, Operation& operation);

}  // namespace h5dcp
