#include "layout/box_chunks.hpp"

#include <algorithm>
#include <utility>

#include "layout/pages.hpp"

namespace h5dcp {
namespace {

// HDF5's index of the chunks of one tensor takes 2 to 3 KiB at least.
constexpr std::int64_t kSmallestBox = std::int64_t{8} << 10;

// HDF5 counts the bytes of a chunk in 32 bits. There is no smaller limit: of a chunk without
// filters that is larger than its cache, HDF5 reads what is selected and nothing else.
constexpr std::int64_t kLargestBox = (std::int64_t{1} << 32) - 1;

}  // namespace

BoxChunks::BoxChunks(Extents sizes, Extents shape, std::size_t itemsize)
    : sizes_(std::move(sizes)), shape_(std::move(shape)), itemsize_(itemsize) {}

std::uint64_t BoxChunks::across(std::size_t d) const {
  return static_cast<std::uint64_t>((sizes_[d] - 1) / shape_[d] + 1);
}

std::uint64_t BoxChunks::count() const {
  std::uint64_t count = 1;
  for (std::size_t d = 0; d < sizes_.size(); ++d) count *= across(d);
  return count;
}

std::uint64_t BoxChunks::nbytes() const {
  return static_cast<std::uint64_t>(numel(shape_)) * itemsize_;
}

std::uint64_t BoxChunks::stride() const {
  return next_multiple(nbytes(), kPage);
}

DataPart BoxChunks::part(std::uint64_t number, std::uint64_t address) const {
  DataPart part{.file = 0, .address = address + number * stride(), .box = {sizes_, shape_}};
  for (std::size_t d = sizes_.size(); d-- > 0; number /= across(d)) {
    part.box.offsets[d] = static_cast<std::int64_t>(number % across(d)) * shape_[d];
  }
  return part;
}

std::uint64_t BoxChunks::number_at(const Extents& offsets) const {
  std::uint64_t number = 0;
  for (std::size_t d = 0; d < sizes_.size(); ++d) {
    number = number * across(d) + static_cast<std::uint64_t>(offsets[d] / shape_[d]);
  }
  return number;
}

std::optional<Extents> box_chunk(const Extents& sizes, const std::vector<Box>& boxes,
                                 std::size_t itemsize) {
  if (sizes.empty() || boxes.size() < 2) return std::nullopt;
  Extents shape = boxes.front().sizes;
  for (const auto& box : boxes) {
    for (std::size_t d = 0; d < sizes.size(); ++d) shape[d] = std::max(shape[d], box.sizes[d]);
  }
  const bool is_grid = std::ranges::all_of(boxes, [&](const Box& box) {
    for (std::size_t d = 0; d < sizes.size(); ++d) {
      const auto first = box.offsets[d];
      if (first % shape[d] != 0 || box.sizes[d] != std::min(shape[d], sizes[d] - first)) {
        return false;
      }
    }
    return true;
  });
  const auto most = kLargestBox / static_cast<std::int64_t>(itemsize);
  const auto least = kSmallestBox / static_cast<std::int64_t>(itemsize);
  if (!is_grid || numel(shape) < least || numel(shape) > most) return std::nullopt;
  return shape;
}

}  // namespace h5dcp
