// The one hash of the format: XXH3, 64 bits.

#pragma once

#include <cstddef>
#include <cstdint>

namespace h5dcp {

std::uint64_t xxh3(const void* data, std::size_t size, std::uint64_t seed = 0);

}  // namespace h5dcp
