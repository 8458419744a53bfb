// Random tensors and tilings for properties, and the elements of boxes one by one.

#pragma once

#include <rapidcheck.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/whole_box.hpp"
#include "h5dcp/box.hpp"

namespace h5dcp {

// A number of [low, high].
template <typename Number>
Number any_of(Number low, Number high) {
  return *rc::gen::inRange<Number>(low, static_cast<Number>(high + 1));
}

// Up to three dimensions, none included, of up to `largest` elements, none included.
inline Extents any_sizes(std::int64_t largest) {
  std::vector<std::int64_t> sizes(any_of<std::size_t>(0, 3));
  for (auto& size : sizes) size = any_of<std::int64_t>(any_of(0, 9) == 0 ? 0 : 1, largest);
  return Extents(std::span<const std::int64_t>(sizes));
}

// `box` in two, cut before row `at` of those it has along `dim`.
inline Box split_off(Box& box, std::size_t dim, std::int64_t at) {
  Box high = box;
  high.offsets[dim] += at;
  high.sizes[dim] -= at;
  box.sizes[dim] = at;
  return high;
}

// A few cuts through the whole tensor.
inline std::vector<Box> any_grid(const Extents& sizes) {
  std::vector<Box> boxes{whole_box(sizes)};
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    for (auto cuts = any_of(0, 3); cuts > 0; --cuts) {
      const auto at = any_of<std::int64_t>(0, sizes[d]);
      for (std::size_t i = boxes.size(); i-- > 0;) {
        const auto rows = at - boxes[i].offsets[d];
        if (rows > 0 && rows < boxes[i].sizes[d]) boxes.push_back(split_off(boxes[i], d, rows));
      }
    }
  }
  return boxes;
}

// Boxes cut again and again, each where it likes; some have no elements.
inline std::vector<Box> any_splits(const Extents& sizes) {
  std::vector<Box> boxes{whole_box(sizes)};
  if (sizes.empty()) return boxes;
  for (auto cuts = any_of(0, 12); cuts > 0; --cuts) {
    const auto i = any_of<std::size_t>(0, boxes.size() - 1);
    const auto d = any_of<std::size_t>(0, sizes.size() - 1);
    boxes.push_back(split_off(boxes[i], d, any_of<std::int64_t>(0, boxes[i].sizes[d])));
  }
  return boxes;
}

inline std::vector<Box> any_tiling(const Extents& sizes) {
  auto boxes = any_of(0, 1) == 0 ? any_grid(sizes) : any_splits(sizes);
  for (std::size_t i = boxes.size(); i > 1; --i) {
    std::swap(boxes[i - 1], boxes[any_of<std::size_t>(0, i - 1)]);
  }
  return boxes;
}

// Any box that is inside.
inline Box any_box(const Extents& sizes) {
  Box box{sizes, sizes};
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    box.offsets[d] = any_of<std::int64_t>(0, sizes[d]);
    box.sizes[d] = any_of<std::int64_t>(0, sizes[d] - box.offsets[d]);
  }
  return box;
}

// Calls `visit` with the position of every element of `box`, in row-major order.
template <typename Visit>
void for_each_element(const Box& box, const Visit& visit) {
  if (std::ranges::find(box.sizes, 0) != box.sizes.end()) return;
  for (Extents at = box.offsets;;) {
    visit(at);
    std::size_t d = box.dims();
    while (d > 0 && ++at[d - 1] == box.offsets[d - 1] + box.sizes[d - 1]) {
      at[d - 1] = box.offsets[d - 1];
      --d;
    }
    if (d == 0) return;
  }
}

inline bool holds(const Box& box, const Extents& element) {
  for (std::size_t d = 0; d < element.size(); ++d) {
    const auto row = element[d] - box.offsets[d];
    if (row < 0 || row >= box.sizes[d]) return false;
  }
  return true;
}

}  // namespace h5dcp
