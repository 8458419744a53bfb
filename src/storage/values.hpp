// Values that are no tensors, out of a file.

#pragma once

#include <cstddef>

#include "files/index.hpp"
#include "files/posix_file.hpp"
#include "h5dcp/bytes.hpp"
#include "h5dcp/state_dict.hpp"

namespace h5dcp {

// The value of entry i, checked. Throws Error{corrupt}, Error{io}.
Value read_value(const PosixFile& file, const Index& index, std::size_t i);

// Throws Error{corrupt} if entry i has not exactly one row in `chunks`.
void check_is_one_value(const Index& index, std::size_t i);

// The value of entry i, of which `chunk` is the row and `bytes` the slot, checked. Throws
// Error{corrupt}.
Value decode_stored(const Index& index, std::size_t i, const StoredChunk& chunk, Bytes bytes);

}  // namespace h5dcp
