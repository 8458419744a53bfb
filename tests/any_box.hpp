// RapidCheck generators of small tensors and boxes in them.

#pragma once

#include <rapidcheck.h>

#include <cstdint>
#include <vector>

#include "h5dcp/box.hpp"

namespace h5dcp::test {

// Sizes of at most `dims` dimensions, each of at most `most` elements; some are empty or scalars.
inline rc::Gen<Extents> any_sizes(std::size_t dims, std::int64_t most) {
  return rc::gen::mapcat(rc::gen::inRange<std::size_t>(0, dims + 1), [most](std::size_t n) {
    return rc::gen::map(rc::gen::container<std::vector<std::int64_t>>(
                            n, rc::gen::inRange<std::int64_t>(0, most + 1)),
                        [](const std::vector<std::int64_t>& sizes) { return Extents(sizes); });
  });
}

// A box inside `outer`, perhaps empty.
inline Box draw_box_in(const Box& outer) {
  Box box = outer;
  for (std::size_t d = 0; d < outer.dims(); ++d) {
    const auto first = *rc::gen::inRange<std::int64_t>(0, outer.sizes[d] + 1);
    box.offsets[d] += first;
    box.sizes[d] = *rc::gen::inRange<std::int64_t>(0, outer.sizes[d] - first + 1);
  }
  return box;
}

// The row-major numbers, in a tensor of `sizes`, of the elements of `box`, in the box's own order.
inline std::vector<std::int64_t> elements_of(const Box& box, const Extents& sizes) {
  std::vector<std::int64_t> numbers;
  const auto count = numel(box.sizes);
  for (std::int64_t n = 0; n < count; ++n) {
    std::int64_t rest = n;
    std::int64_t number = 0;
    std::int64_t stride = 1;
    for (std::size_t next = box.dims(); next > 0; --next) {
      number += (box.offsets[next - 1] + rest % box.sizes[next - 1]) * stride;
      rest /= box.sizes[next - 1];
      stride *= sizes[next - 1];
    }
    numbers.push_back(number);
  }
  return numbers;
}

}  // namespace h5dcp::test
