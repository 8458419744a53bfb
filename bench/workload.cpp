#include "workload.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "h5dcp/device_mesh.hpp"

namespace bench {
namespace {

using h5dcp::DType;

h5dcp::Box box_of(const Shape& shape, MPI_Comm comm) {
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  std::vector<h5dcp::Placement> placements{h5dcp::Replicate{}};
  if (shape.shard) placements = {h5dcp::Shard{*shape.shard}};
  const h5dcp::DeviceMesh mesh({size});
  auto box = h5dcp::local_box({shape.rows, shape.columns}, mesh, placements, rank);
  box.sizes[0] = (box.sizes[0] + shape.divide - 1) / shape.divide;
  return box;
}

}  // namespace

template <class Elements, class Use>
void Workload::for_each(Elements& elements, const Use& use) const {
  auto* element = elements.data();
  for (std::int64_t tensor = 0; tensor < shape_.tensors; ++tensor) {
    for (std::int64_t row = 0; row < mine_.sizes[0]; ++row) {
      const auto first = (tensor * shape_.rows + mine_.offsets[0] + row) * shape_.columns;
      auto value = static_cast<std::uint32_t>(first + mine_.offsets[1]) + 1;  // few are 0
      for (std::int64_t column = 0; column < mine_.sizes[1]; ++column) use(*element++, value++);
    }
  }
}

Workload::Workload(const Shape& shape, MPI_Comm comm) : shape_(shape), mine_(box_of(shape, comm)) {
  const auto elements_of_tensor = static_cast<std::size_t>(h5dcp::numel(mine_.sizes));
  elements_.resize(static_cast<std::size_t>(shape.tensors) * elements_of_tensor);
  for_each(elements_, [](std::uint32_t& element, std::uint32_t value) { element = value; });
  for (std::size_t i = 0; i < static_cast<std::size_t>(shape.tensors); ++i) {
    const auto view = h5dcp::contiguous_view(elements_.data() + i * elements_of_tensor,
                                             DType::float32, mine_.sizes);
    state_["layers." + std::to_string(i) + ".weight"] =
        h5dcp::ShardedTensor{DType::float32, {shape.rows, shape.columns}, {{mine_, view}}};
  }
}

std::vector<std::span<std::byte>> Workload::tensors() {
  const auto nbytes = buffer().size() / static_cast<std::size_t>(shape_.tensors);
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
  for_each(elements_, [](std::uint32_t element, std::uint32_t value) {
    if (element != value) throw std::runtime_error("what was loaded is not what was saved");
  });
}

}  // namespace bench
