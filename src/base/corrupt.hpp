// Checking what a file says.

#pragma once

#include <cstdint>
#include <string>

#include "h5dcp/error.hpp"

namespace h5dcp {

// Throws Error{corrupt}, which says `what`.
[[noreturn]] inline void corrupt(const std::string& what) {
  throw Error(ErrorCode::corrupt, what);
}

// Returns whether `count` items from number `first` on are among `size` items. The numbers may come
// from a damaged file, so nothing is added that could wrap.
inline bool inside(std::uint64_t first, std::uint64_t count, std::uint64_t size) {
  return first <= size && count <= size - first;
}

}  // namespace h5dcp
