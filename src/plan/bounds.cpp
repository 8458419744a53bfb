#include "plan/bounds.hpp"

#include <algorithm>

namespace h5dcp {

Box whole_box(const Extents& sizes) {
  Box box{sizes, sizes};
  std::ranges::fill(box.offsets, 0);
  return box;
}

bool is_inside(const Box& box, const Extents& sizes) {
  if (box.offsets.size() != sizes.size() || box.sizes.size() != sizes.size()) return false;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    if (box.offsets[d] < 0 || box.sizes[d] < 0) return false;
    if (box.offsets[d] > sizes[d] || box.sizes[d] > sizes[d] - box.offsets[d]) return false;
  }
  return true;
}

std::string raw_text(const Box& box) {
  return "offsets " + to_string(box.offsets) + ", sizes " + to_string(box.sizes);
}

}  // namespace h5dcp
