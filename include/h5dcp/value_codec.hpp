// Plain values as the bytes that are stored: docs/format.md, "Values".

#pragma once

#include <cstdint>
#include <span>

#include "h5dcp/bytes.hpp"
#include "h5dcp/metadata.hpp"
#include "h5dcp/state_dict.hpp"

namespace h5dcp {

struct EncodedValue {
  EntryKind kind = EntryKind::bytes;
  DType dtype = DType::uint8;  // of a scalar or list: boolean, int64, float64 or complex128
  Extents size;                // {} for a scalar, {n} for a list, else {}
  Bytes bytes;                 // little-endian elements; UTF-8 JSON text; or the value's own bytes
};

// A value that is no tensor and no container that flatten_state_dict descends.
//
// Bool, integer, float and complex become a scalar; a non-empty list of only bools, only integers,
// only floats or only complex numbers becomes a list; bytes stay bytes; all else (null, strings,
// other lists, empty maps) becomes JSON text, in which a complex number, bytes, and floats that
// JSON lacks (nan, infinities) are tagged objects, so that decoding is exact.
//
// Throws Error{unsupported} for a tensor, Error{invalid_argument} for a string that is not UTF-8.
EncodedValue encode_value(const Value& value);

// The inverse; of a transformed value the bytes as they are stored, which GlobalLoadPlanner
// restores.
//
// Throws Error{corrupt} if the bytes are no such value.
Value decode_value(EntryKind kind, DType dtype, const Extents& size,
                   std::span<const std::uint8_t> bytes);

}  // namespace h5dcp
