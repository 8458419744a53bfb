#include "layout/sorted_boxes.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace h5dcp {
namespace {

void add(std::vector<BoxRange>& ranges, std::uint64_t first, std::uint64_t end) {
  if (first >= end) return;
  if (!ranges.empty() && ranges.back().end == first) {
    ranges.back().end = end;
  } else {
    ranges.push_back({first, end});
  }
}

std::uint64_t across(std::int64_t size, std::int64_t cell) {
  return static_cast<std::uint64_t>((size - 1) / cell + 1);
}

// Looks for the boxes of a region among those that begin at one place in all dimensions before one.
class Search {
 public:
  Search(const Extents& sizes, const BoxAt& box_at, const Box& region)
      : sizes_(sizes), box_at_(box_at), region_(region) {}

  // Among the boxes `first` to `end` - 1, in dimension d and those behind it.
  void look(std::uint64_t first, std::uint64_t end, std::size_t d) {
    if (end - first <= 1 || d == sizes_.size()) {
      add(found_, first, end);
      return;
    }
    const auto begin = region_.offsets[d];
    const auto stop = begin + region_.sizes[d];
    const auto behind = first_where(first, end, d, begin + 1, first);
    const auto last_before = behind > first ? behind - 1 : first;
    // The group of boxes that begin where that one does.
    const Box box = box_at_(last_before);
    auto group = first_where(first, end, d, box.offsets[d], last_before);
    if (spans(box, d + 1) || spans(region_, d + 1)) {  // no box of a group can be left out
      add(found_, group, first_where(group, end, d, stop, group + boxes_of_region(box, d)));
      return;
    }
    std::uint64_t length = 1;  // of a group: mostly they are alike
    while (group < end) {
      const auto offset = box_at_(group).offsets[d];
      if (offset >= stop) return;
      const auto next = std::max(first_where(group, end, d, offset + 1, group + length), group + 1);
      look(group, next, d + 1);
      length = next - group;
      group = next;
    }
  }

  std::vector<BoxRange> take() { return std::move(found_); }

 private:
  // Whether it is all of the tensor in dimension d and those behind it.
  bool spans(const Box& box, std::size_t d) const {
    for (; d < sizes_.size(); ++d) {
      if (box.sizes[d] != sizes_[d]) return false;
    }
    return true;
  }

  // How many slabs like `box` have something of the region.
  std::uint64_t boxes_of_region(const Box& box, std::size_t d) const {
    return across(region_.sizes[d], std::max<std::int64_t>(box.sizes[d], 1));
  }

  // The first of the boxes `first` to `end` - 1 that begins at `offset` or behind it in dimension
  // d; `end` if none does. Sooner if it is number `guess`.
  std::uint64_t first_where(std::uint64_t first, std::uint64_t end, std::size_t d,
                            std::int64_t offset, std::uint64_t guess) const {
    const auto is_behind = [&](std::uint64_t i) { return box_at_(i).offsets[d] >= offset; };
    if (guess > first && guess <= end) {
      if (is_behind(guess - 1)) {
        end = guess - 1;
      } else {
        first = guess;
        if (first < end && is_behind(first)) return first;
      }
    }
    while (first < end) {
      const auto middle = first + (end - first) / 2;
      if (is_behind(middle)) {
        end = middle;
      } else {
        first = middle + 1;
      }
    }
    return first;
  }

  const Extents& sizes_;
  const BoxAt& box_at_;
  const Box& region_;
  std::vector<BoxRange> found_;
};

}  // namespace

std::uint64_t likely_box(const Extents& sizes, std::uint64_t count, const Box& region) {
  if (sizes.empty() || sizes[0] <= 0 || count < 2) return 0;
  const auto slabs =
      static_cast<std::int64_t>(std::min(count, static_cast<std::uint64_t>(sizes[0])));
  const auto slab = (sizes[0] - 1) / slabs + 1;
  return std::min(static_cast<std::uint64_t>(region.offsets[0] / slab), count - 1);
}

std::optional<std::vector<BoxRange>> cells_of(const Extents& sizes, const Extents& cell,
                                              std::uint64_t count, const Box& region) {
  const auto dims = sizes.size();
  std::uint64_t cells = 1;
  for (std::size_t d = 0; d < dims; ++d) {
    if (cell[d] < 1 || sizes[d] < 1) return std::nullopt;
    if (across(sizes[d], cell[d]) > count / cells) return std::nullopt;
    cells *= across(sizes[d], cell[d]);
  }
  if (cells != count) return std::nullopt;
  std::vector<BoxRange> found;
  std::vector<std::uint64_t> at(dims);  // of the cell at hand, in each dimension
  std::vector<std::uint64_t> first(dims);
  std::vector<std::uint64_t> last(dims);
  for (std::size_t d = 0; d < dims; ++d) {
    const auto end = region.offsets[d] + region.sizes[d];
    if (region.sizes[d] < 1) return found;
    at[d] = first[d] = static_cast<std::uint64_t>(region.offsets[d] / cell[d]);
    last[d] = static_cast<std::uint64_t>((end - 1) / cell[d]);
  }
  const auto stretch = dims == 0 ? 1 : last[dims - 1] - first[dims - 1] + 1;
  for (;;) {
    std::uint64_t number = 0;
    for (std::size_t d = 0; d < dims; ++d) number = number * across(sizes[d], cell[d]) + at[d];
    add(found, number, number + stretch);
    auto d = dims == 0 ? 0 : dims - 1;  // the last dimension is a stretch
    while (d > 0 && at[d - 1] == last[d - 1]) {
      --d;
      at[d] = first[d];
    }
    if (d == 0) return found;
    ++at[d - 1];
  }
}

std::vector<BoxRange> find_boxes(const Extents& sizes, std::uint64_t count, const BoxAt& box_at,
                                 const Box& region) {
  if (count == 0 || numel(region.sizes) == 0) return {};
  Search search(sizes, box_at, region);
  search.look(0, count, 0);
  return search.take();
}

std::vector<BoxRange> merged(std::vector<BoxRange> ranges) {
  std::ranges::sort(ranges, {}, &BoxRange::first);
  std::vector<BoxRange> all;
  for (const auto& range : ranges) {
    if (!all.empty() && range.first <= all.back().end) {
      all.back().end = std::max(all.back().end, range.end);
    } else {
      all.push_back(range);
    }
  }
  return all;
}

std::uint64_t boxes_in(const std::vector<BoxRange>& ranges) {
  std::uint64_t count = 0;
  for (const auto& range : ranges) count += range.end - range.first;
  return count;
}

}  // namespace h5dcp
