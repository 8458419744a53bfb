#include "plan/bounds.hpp"

#include <algorithm>

namespace h5dcp {

Box whole_box(const Extents& sizes) {
  Box box{sizes, sizes};
  std::ranges::fill(box.offsets, 0);
  return box;
}

bool is_inside(const Box& box, const Extents& sizes) {
  return box.offsets.size() == sizes.size() && box.sizes.size() == sizes.size() &&
         contains(whole_box(sizes), box);
}

std::string raw_text(const Box& box) {
  return "offsets " + to_string(box.offsets) + ", sizes " + to_string(box.sizes);
}

}  // namespace h5dcp
