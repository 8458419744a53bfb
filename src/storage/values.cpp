#include "storage/values.hpp"

#include <string>

#include "base/checksum.hpp"
#include "base/context.hpp"
#include "h5dcp/error.hpp"
#include "state/value_codec.hpp"

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

void check_blocks(const Index& index, std::size_t i, const StoredChunk& chunk, const Box& part,
                  const void* packed) {
  const auto* next = static_cast<const std::uint8_t*>(packed);
  for (const auto& block : blocks_of(chunk.grid, part)) {
    const auto size = static_cast<std::size_t>(nbytes(index.dtype(i), block.sizes));
    const auto number = static_cast<std::size_t>(block_at(chunk.grid, block.offsets));
    if (xxh3(next, size) != chunk.checksums.at(number)) {
      throw Error(ErrorCode::corrupt, "'" + std::string(index.fqn(i)) + "' " + to_string(block) +
                                          ": its " + std::to_string(size) +
                                          " bytes, from address " +
                                          std::to_string(address_of(index, i, block.offsets)) +
                                          " of the file on, do not match their checksum");
    }
    next += size;
  }
}

Value read_value(const PosixFile& file, const Index& index, std::size_t i) {
  const auto chunks = read_chunks(file, index, i);
  const auto row = index.row(i);
  if (chunks.size() != 1) {
    throw Error(ErrorCode::corrupt, "'" + std::string(index.fqn(i)) + "': not one value");
  }
  Bytes bytes(row.nbytes);
  file.read(bytes.data(), bytes.size(), row.address);
  check_blocks(index, i, chunks[0], chunks[0].grid.box, bytes.data());
  bytes.resize(chunks[0].nbytes);
  return with_context("'" + std::string(index.fqn(i)) + "'", [&] {
    return decode_value(index.kind(i), index.dtype(i), index.sizes(i), bytes);
  });
}

}  // namespace h5dcp
