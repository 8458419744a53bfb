// Bytes without a meaning of their own.

#pragma once

#include <cstdint>
#include <vector>

namespace h5dcp {

using Bytes = std::vector<std::uint8_t>;

}  // namespace h5dcp
