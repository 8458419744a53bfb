// The elements of an entry as they lie in a file: in blocks that have a checksum each.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "h5dcp/bytes.hpp"
#include "storage/index.hpp"
#include "storage/posix_file.hpp"

namespace h5dcp {

// The address in the file of element `offsets` of entry i.
std::uint64_t address_of(const Index& index, std::size_t i, const Extents& offsets);

// `box` in the coordinates of something that begins at `origin`.
Box relative_to(Box box, const Extents& origin);

// What is read at once to get at some elements.
struct BlockPart {
  Box box;     // whole blocks of one chunk
  Box useful;  // those elements of it that were asked for
};

// What to read for those elements of `chunk` that lie in `region`, in parts of at most `max_bytes`
// (but at least a block) each; none if they have nothing in common.
std::vector<BlockPart> parts_of(const StoredChunk& chunk, const Box& region, std::size_t itemsize,
                                std::uint64_t max_bytes);

// The elements of `box` of entry i, packed. Throws Error{io}, Error{corrupt} if the file ends
// before.
void read_packed(const PosixFile& file, const Index& index, std::size_t i, const Box& box,
                 Bytes& packed);

// Those blocks of `part`, whole blocks of `chunk` that lie packed at `packed`, that are not as they
// were written.
std::vector<Box> damaged_blocks(const Index& index, std::size_t i, const StoredChunk& chunk,
                                const Box& part, const void* packed);

// Throws Error{corrupt} for the first of the damaged blocks: it names the entry, the box and its
// address.
void check_blocks(const Index& index, std::size_t i, const StoredChunk& chunk, const Box& part,
                  const void* packed);

}  // namespace h5dcp
