// The elements of an entry as they lie in a file: in blocks that have a checksum each.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "files/checkpoint_files.hpp"
#include "files/index.hpp"
#include "h5dcp/bytes.hpp"

namespace h5dcp {

// `box` in the coordinates of something that begins at `origin`.
Box relative_to(Box box, const Extents& origin);

// Appends what to read for those elements of `chunk` that lie in `region`, in boxes of at most
// `max_bytes` (but at least a block) each; nothing if they have nothing in common. Whole blocks,
// and so maybe more than the region, unless they are neither filtered nor to be checked.
void parts_of(const StoredChunk& chunk, const Box& region, std::size_t itemsize,
              std::uint64_t max_bytes, bool checks, std::vector<Box>& parts);

// The elements of `box`, whole blocks of `chunk`, of entry i, packed and checked: to `packed`,
// which has room for them. Throws Error{io}, and Error{corrupt} for a damaged block, as
// check_blocks().
void read_checked(const CheckpointFiles& files, const Index& index, std::size_t i,
                  const StoredChunk& chunk, const Box& box, void* packed);

// Throws Error{corrupt} for the first of the blocks of `box`, whole blocks of `chunk` that were not
// filtered and lie packed at `packed`, that is not as it was written: it names the entry, the block
// and its address. Of a chunk without checksums all are taken for sound.
void check_blocks(const Index& index, std::size_t i, const StoredChunk& chunk, const Box& box,
                  const void* packed);

// A block, and the bytes of its file from its first to its last one.
struct DamagedBlock {
  Box box;
  Range range;
};

// Reads `box`, whole blocks of `chunk`, and finds the blocks that are not as they were written.
// Throws Error{io}, Error{corrupt} if the file ends before. `buffer` is kept from call to call.
std::vector<DamagedBlock> find_damage(const CheckpointFiles& files, const Index& index,
                                      std::size_t i, const StoredChunk& chunk, const Box& box,
                                      Bytes& buffer);

// What lies in a chunk of a shard, of entry i, behind the end of the tensor, is zero: the first of
// these bytes that is not. Throws Error{io}, Error{corrupt} if the file ends before.
std::optional<Range> find_damaged_padding(const CheckpointFiles& files, const Index& index,
                                          std::size_t i, const StoredChunk& chunk);

}  // namespace h5dcp
