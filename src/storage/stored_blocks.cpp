#include "storage/stored_blocks.hpp"

#include <string>
#include <utility>

#include "base/checksum.hpp"
#include "h5dcp/error.hpp"
#include "layout/runs.hpp"

namespace h5dcp {

std::uint64_t address_of(const Index& index, std::size_t i, const Extents& offsets) {
  const Extents sizes = index.sizes(i);
  std::uint64_t element = 0;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    element =
        element * static_cast<std::uint64_t>(sizes[d]) + static_cast<std::uint64_t>(offsets[d]);
  }
  return index.row(i).address + element * itemsize(index.dtype(i));
}

Box relative_to(Box box, const Extents& origin) {
  for (std::size_t d = 0; d < box.dims(); ++d) box.offsets[d] -= origin[d];
  return box;
}

std::vector<BlockPart> parts_of(const StoredChunk& chunk, const Box& region, std::size_t itemsize,
                                std::uint64_t max_bytes) {
  std::vector<BlockPart> parts;
  const auto overlap = intersect(chunk.grid.box, region);
  if (!overlap || numel(overlap->sizes) == 0) return parts;
  for (auto& box : pieces(chunk.grid, whole_blocks(chunk.grid, *overlap), itemsize, max_bytes)) {
    auto useful = intersect(box, *overlap);
    if (useful) parts.push_back({std::move(box), std::move(*useful)});
  }
  return parts;
}

void read_packed(const PosixFile& file, const Index& index, std::size_t i, const Box& box,
                 Bytes& packed) {
  packed.resize(static_cast<std::size_t>(nbytes(index.dtype(i), box.sizes)));
  std::uint64_t offset = 0;
  for_each_run(index.sizes(i), box, itemsize(index.dtype(i)),
               [&](std::uint64_t first, std::uint64_t size) {
                 file.read(packed.data() + offset, size, index.row(i).address + first);
                 offset += size;
               });
}

std::vector<Box> damaged_blocks(const Index& index, std::size_t i, const StoredChunk& chunk,
                                const Box& part, const void* packed) {
  std::vector<Box> damaged;
  const auto* next = static_cast<const std::uint8_t*>(packed);
  for (auto& block : blocks_of(chunk.grid, part)) {
    const auto size = static_cast<std::size_t>(nbytes(index.dtype(i), block.sizes));
    const auto number = static_cast<std::size_t>(block_at(chunk.grid, block.offsets));
    if (xxh3(next, size) != chunk.checksums.at(number)) damaged.push_back(std::move(block));
    next += size;
  }
  return damaged;
}

void check_blocks(const Index& index, std::size_t i, const StoredChunk& chunk, const Box& part,
                  const void* packed) {
  const auto damaged = damaged_blocks(index, i, chunk, part, packed);
  if (damaged.empty()) return;
  const Box& block = damaged.front();
  throw Error(ErrorCode::corrupt,
              "'" + std::string(index.fqn(i)) + "' " + to_string(block) + ": its " +
                  std::to_string(nbytes(index.dtype(i), block.sizes)) + " bytes, from address " +
                  std::to_string(address_of(index, i, block.offsets)) +
                  " of the file on, do not match their checksum");
}

}  // namespace h5dcp
