#include "layout/hyperslab.hpp"

namespace h5dcp {

Hyperslab hyperslab_of(const Box& box) {
  return {.start = {box.offsets.begin(), box.offsets.end()},
          .stride = std::vector<unsigned long long>(box.dims(), 1),
          .count = std::vector<unsigned long long>(box.dims(), 1),
          .block = {box.sizes.begin(), box.sizes.end()}};
}

}  // namespace h5dcp
