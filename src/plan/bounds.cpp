#include "plan/bounds.hpp"

#include "base/whole_box.hpp"

namespace h5dcp {

bool is_inside(const Box& box, const Extents& sizes) {
  return box.offsets.size() == sizes.size() && box.sizes.size() == sizes.size() &&
         contains(whole_box(sizes), box);
}

std::string raw_text(const Box& box) {
  return "offsets " + to_string(box.offsets) + ", sizes " + to_string(box.sizes);
}

}  // namespace h5dcp
