// Numbers that nobody else draws.

#pragma once

#include <cstdint>

namespace h5dcp {

// 64 bits from the system's random device.
std::uint64_t random_id();

}  // namespace h5dcp
