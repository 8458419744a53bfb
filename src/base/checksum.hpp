// Hashes: XXH3.

#pragma once

#include <cstddef>
#include <cstdint>

namespace h5dcp {

// The one hash of the format.
std::uint64_t xxh3(const void* data, std::size_t size, std::uint64_t seed = 0);

struct Digest128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  bool operator==(const Digest128&) const = default;
};

// For what must not be taken for something else within a program; in no file.
Digest128 xxh3_128(const void* data, std::size_t size);

}  // namespace h5dcp
