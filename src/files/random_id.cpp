#include "files/random_id.hpp"

#include <random>

namespace h5dcp {

std::uint64_t random_id() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

}  // namespace h5dcp
