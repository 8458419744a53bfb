#include "rank_state.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <variant>

#include "h5dcp/error.hpp"

namespace tool::benchmark {
namespace {

constexpr std::size_t kAlignment = sizeof(std::uint32_t);

// How many ranks hold the same part of a tensor.
std::size_t replicas_of(const WorkloadTensor& tensor, const h5dcp::DeviceMesh& mesh) {
  std::int64_t replicas = 1;
  for (std::size_t i = 0; i < tensor.placements.size(); ++i) {
    if (std::holds_alternative<h5dcp::Replicate>(tensor.placements[i])) replicas *= mesh.sizes()[i];
  }
  return static_cast<std::size_t>(replicas);
}

// The element that a row of a tensor begins with; the others count on from it. Rows begin far from
// each other, so that one in the place of another is noticed. (The mixing steps of splitmix64.)
std::uint64_t first_of_row(std::size_t tensor, std::int64_t row) {
  auto mixed = (std::uint64_t{tensor} << 40U) + static_cast<std::uint64_t>(row);
  mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9U;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBU;
  return mixed ^ (mixed >> 31U);
}

template <class Number>
void write_numbers(std::span<std::byte> row, std::uint64_t first) {
  auto next = static_cast<Number>(first);
  for (std::size_t at = 0; at < row.size(); at += sizeof(Number), ++next) {
    std::memcpy(row.data() + at, &next, sizeof(Number));
  }
}

template <class Number>
bool has_numbers(std::span<const std::byte> row, std::uint64_t first) {
  auto next = static_cast<Number>(first);
  for (std::size_t at = 0; at < row.size(); at += sizeof(Number), ++next) {
    if (std::memcmp(row.data() + at, &next, sizeof(Number)) != 0) return false;
  }
  return true;
}

}  // namespace

// A row of a part, or all of a part that has one dimension.
struct RankState::Row {
  const Part& part;
  std::int64_t number;       // in the global tensor
  std::uint64_t first;       // what its first element must be
  std::size_t element_size;  // 2 or 4 bytes
  std::span<std::byte> bytes;
};

RankState::RankState(const Workload& workload, int rank) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < workload.tensors.size(); ++i) {
    const auto& tensor = workload.tensors[i];
    auto box = h5dcp::local_box(tensor.sizes, workload.mesh, tensor.placements, rank);
    const auto nbytes = static_cast<std::size_t>(h5dcp::nbytes(tensor.dtype, box.sizes));
    const auto room = (nbytes + kAlignment - 1) / kAlignment * kAlignment;
    const auto replicas = replicas_of(tensor, workload.mesh);
    parts_.push_back({&tensor, i, std::move(box), end});
    end += room;
    share_bytes_ += (room + replicas - 1) / replicas;
    held_bytes_ += nbytes;
  }
  buffer_.resize(end / kAlignment);
  for (const auto& part : parts_) {
    auto* const data = buffer().data() + part.offset_bytes;
    const auto view = h5dcp::contiguous_view(data, part.tensor->dtype, part.box.sizes);
    state_[part.tensor->fqn] =
        h5dcp::distribute(view, part.tensor->sizes, workload.mesh, part.tensor->placements, rank);
  }
}

template <class Visit>
void RankState::for_each_row(const Visit& visit) {
  for (const auto& part : parts_) {
    const auto& box = part.box;
    const auto last = box.dims() - 1;
    const auto element_size = h5dcp::itemsize(part.tensor->dtype);
    const auto row_bytes = static_cast<std::size_t>(box.sizes[last]) * element_size;
    const auto rows = last == 0 ? 1 : box.sizes[0];
    auto* data = buffer().data() + part.offset_bytes;
    for (std::int64_t i = 0; i < rows && row_bytes > 0; ++i, data += row_bytes) {
      const auto number = last == 0 ? 0 : box.offsets[0] + i;
      const auto first =
          first_of_row(part.number, number) + static_cast<std::uint64_t>(box.offsets[last]);
      visit(Row{part, number, first, element_size, {data, row_bytes}});
    }
  }
}

void RankState::fill() {
  for_each_row([](const Row& row) {
    if (row.element_size == sizeof(std::uint16_t)) {
      write_numbers<std::uint16_t>(row.bytes, row.first);
    } else {
      write_numbers<std::uint32_t>(row.bytes, row.first);
    }
  });
}

void RankState::clear() {
  std::ranges::fill(buffer_, 0U);
}

void RankState::check() {
  for_each_row([](const Row& row) {
    const bool as_filled = row.element_size == sizeof(std::uint16_t)
                               ? has_numbers<std::uint16_t>(row.bytes, row.first)
                               : has_numbers<std::uint32_t>(row.bytes, row.first);
    if (as_filled) return;
    throw h5dcp::Error(h5dcp::ErrorCode::corrupt,
                       "what was loaded is not what was saved: row " + std::to_string(row.number) +
                           " of '" + row.part.tensor->fqn + "', " + to_string(row.part.box));
  });
}

}  // namespace tool::benchmark
