// The tensors of a workload, and how they are cut over the ranks: shapes alone, without memory.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "h5dcp/device_mesh.hpp"
#include "h5dcp/tensor.hpp"
#include "run.hpp"

namespace tool::benchmark {

struct WorkloadTensor {
  std::string fqn;
  h5dcp::DType dtype = h5dcp::DType::float32;
  h5dcp::Extents sizes;                      // of the global tensor; one dimension or two
  std::vector<h5dcp::Placement> placements;  // one for each dimension of the mesh
};

struct Workload {
  h5dcp::DeviceMesh mesh;
  std::vector<WorkloadTensor> tensors;
};

const std::vector<std::string>& workload_names();

// The one of that name as `run` says, for so many ranks. Throws UsageError if there is none, or if
// the scale makes it too large for numbers.
Workload make_workload(const std::string& name, const Run& run, int ranks);

// Over all tensors, each counted once whoever holds it.
struct WorkloadSize {
  std::uint64_t tensors = 0;
  std::uint64_t elements = 0;
  std::uint64_t nbytes = 0;
};
WorkloadSize size_of(const Workload& workload);

}  // namespace tool::benchmark
