#include "plan/bounds.hpp"

#include <cstddef>

namespace h5dcp {

bool is_inside(const Box& box, const Extents& sizes) {
  if (box.offsets.size() != sizes.size() || box.sizes.size() != sizes.size()) return false;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    // Unlike offset + size, this cannot overflow.
    if (box.offsets[d] < 0 || box.offsets[d] > sizes[d]) return false;
    if (box.sizes[d] < 0 || box.sizes[d] > sizes[d] - box.offsets[d]) return false;
  }
  return true;
}

std::string raw_text(const Box& box) {
  return "offsets " + to_string(box.offsets) + ", sizes " + to_string(box.sizes);
}

}  // namespace h5dcp
