// An order of boxes.

#pragma once

#include <algorithm>
#include <compare>

#include "h5dcp/box.hpp"

namespace h5dcp {

// Whether `a` comes before `b`: by offsets, then by sizes, the first dimension first.
inline bool precedes_box(const Box& a, const Box& b) {
  const auto compare = [](const Extents& x, const Extents& y) {
    return std::lexicographical_compare_three_way(x.begin(), x.end(), y.begin(), y.end());
  };
  const auto order = compare(a.offsets, b.offsets);
  return std::is_lt(std::is_neq(order) ? order : compare(a.sizes, b.sizes));
}

}  // namespace h5dcp
