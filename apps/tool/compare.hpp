// How the elements of two tensors differ.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "h5dcp/checkpoint_file.hpp"

namespace tool {

// The largest difference of its kind, and where it is.
struct Largest {
  double difference = 0;
  h5dcp::Extents index;
  std::string a;  // the two elements, as `cat` has them
  std::string b;
};

struct Comparison {
  std::int64_t elements = 0;
  std::int64_t different = 0;       // by more than the tolerance
  std::optional<Largest> absolute;  // of those that differ: |a - b|
  std::optional<Largest> relative;  // |a - b| / max(|a|, |b|)
};

// Two elements are equal if they are the same number or both nan, and also if |a - b| or
// |a - b| / max(|a|, |b|) is at most `tolerance`; a difference of nan or an infinite one never is.
// Integers are subtracted without rounding, all else as float64 or complex128.
//
// Both are read once and in parts, so that memory does not grow with the tensors. `read(nbytes)`
// is told of the progress, in bytes of `a`. The sizes must be equal.
Comparison compare(const h5dcp::StoredTensor& a, const h5dcp::StoredTensor& b, double tolerance,
                   const std::function<void(std::uint64_t)>& read);

}  // namespace tool
