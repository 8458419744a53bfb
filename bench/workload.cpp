#include "workload.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

#include "h5dcp/device_mesh.hpp"

namespace bench {
namespace {

using h5dcp::DType;

}  // namespace

Workload::Workload(const Shape& shape, MPI_Comm comm) {
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  const h5dcp::DeviceMesh mesh({size});
  const std::vector<h5dcp::Placement> placements{h5dcp::Shard{shape.shard}};
  const h5dcp::Extents sizes{shape.rows, shape.columns};
  const auto mine = h5dcp::local_box(sizes, mesh, placements, rank).sizes;
  elements_of_tensor_ = static_cast<std::size_t>(h5dcp::numel(mine));
  elements_.resize(static_cast<std::size_t>(shape.tensors) * elements_of_tensor_);
  first_ = static_cast<std::uint32_t>(rank) * 1'000'000'007U;
  std::iota(elements_.begin(), elements_.end(), first_);
  for (std::size_t i = 0; i < static_cast<std::size_t>(shape.tensors); ++i) {
    const auto view =
        h5dcp::contiguous_view(elements_.data() + i * elements_of_tensor_, DType::float32, mine);
    state_["layers." + std::to_string(i) + ".weight"] =
        h5dcp::distribute(view, sizes, mesh, placements, rank);
  }
}

std::vector<std::span<std::byte>> Workload::tensors() {
  const auto nbytes = elements_of_tensor_ * sizeof(std::uint32_t);
  std::vector<std::span<std::byte>> parts;
  for (std::size_t at = 0; at < buffer().size(); at += nbytes) {
    parts.push_back(buffer().subspan(at, nbytes));
  }
  return parts;
}

std::span<std::byte> Workload::buffer() {
  return std::as_writable_bytes(std::span(elements_));
}

void Workload::clear() {
  std::ranges::fill(elements_, 0U);
}

void Workload::check() const {
  std::uint32_t expected = first_;
  for (const auto element : elements_) {
    if (element != expected++) throw std::runtime_error("what was loaded is not what was saved");
  }
}

}  // namespace bench
