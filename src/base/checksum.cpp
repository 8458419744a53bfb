#include "base/checksum.hpp"

#include "base/xxh3.hpp"

namespace h5dcp {

std::uint64_t xxh3(const void* data, std::size_t size, std::uint64_t seed) {
  return XXH3_64bits_withSeed(data, size, seed);
}

Digest128 xxh3_128(const void* data, std::size_t size) {
  const auto hash = XXH3_128bits(data, size);
  return {hash.low64, hash.high64};
}

}  // namespace h5dcp
