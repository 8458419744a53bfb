#include "base/checksum.hpp"

#include <xxhash.h>

namespace h5dcp {

std::uint64_t xxh3(const void* data, std::size_t size, std::uint64_t seed) {
  return XXH3_64bits_withSeed(data, size, seed);
}

}  // namespace h5dcp
