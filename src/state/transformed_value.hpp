// Values that extensions have transformed: docs/format.md, "Transformed values".

#pragma once

#include <cstddef>

#include "h5dcp/extension.hpp"
#include "h5dcp/state_dict.hpp"
#include "h5dcp/value_codec.hpp"

namespace h5dcp {

// The most extensions that one value goes through: each may make much of little.
inline constexpr std::size_t kMostTransforms = 64;

// What a value of `kind` is stored as if it goes through `transforms`.
EntryKind stored_kind(EntryKind kind, const StreamTransforms& transforms);

// `value` as it is stored if it went through `transforms`: of kind `transformed` if there are any
// and it is bytes or JSON text. Scalars and lists stay what HDF5's tools can read.
//
// Throws as encode_value, and what the extensions throw; Error{unsupported} for more than
// kMostTransforms.
EncodedValue encode_value(const Value& value, const StreamTransforms& transforms);

// The inverse, for what a storage has of kind `transformed`.
//
// Throws Error{unsupported} if the registry lacks one of the extensions, Error{corrupt} if the
// bytes are no such value.
Value restore_value(const Bytes& stored, const ExtensionRegistry& registry);

}  // namespace h5dcp
