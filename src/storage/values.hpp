// Values that are no tensors, out of a file.

#pragma once

#include <cstddef>

#include "h5dcp/state_dict.hpp"
#include "storage/index.hpp"
#include "storage/posix_file.hpp"

namespace h5dcp {

// The value of entry i, checked. Throws Error{corrupt}, Error{io}.
Value read_value(const PosixFile& file, const Index& index, std::size_t i);

// Whether the blocks of `part`, whole blocks of `chunk` that lie packed at `packed`, are as they
// were written.
//
// Throws Error{corrupt}, which names the first block that is not: the entry, its box and its
// address.
void check_blocks(const Index& index, std::size_t i, const StoredChunk& chunk, const Box& part,
                  const void* packed);

// The address in the file of element `offsets` of entry i.
std::uint64_t address_of(const Index& index, std::size_t i, const Extents& offsets);

}  // namespace h5dcp
