// All workloads of a run, one after the other.

#pragma once

#include <filesystem>

#include "h5dcp/comm.hpp"
#include "result.hpp"

namespace tool::benchmark {

// Measures each in a new folder in `folder`, which rank 0 has made. The place is complete on rank
// 0. Collective. Throws CheckpointException.
Result measure_all(const h5dcp::Comm& comm, const Run& run, const std::filesystem::path& folder);

}  // namespace tool::benchmark
