// Where things may begin in a file.

#pragma once

#include <cstdint>

namespace h5dcp {

// Data of so many bytes or more begin at a multiple of it.
inline constexpr std::uint64_t kPage = 4096;

// `address` itself, or what follows it that is a multiple of `unit`.
constexpr std::uint64_t next_multiple(std::uint64_t address, std::uint64_t unit) {
  return (address + unit - 1) / unit * unit;
}

}  // namespace h5dcp
