#include "storage/read_back.hpp"

#include <cstddef>
#include <string>

#include "base/whole_box.hpp"
#include "h5dcp/bytes.hpp"
#include "h5dcp/error.hpp"
#include "skeleton/segments.hpp"
#include "storage/stored_blocks.hpp"

namespace h5dcp {
namespace {

[[noreturn]] void fail(const std::string& what, const Range& range) {
  throw Error(ErrorCode::io, "read back " + what + ": the " + std::to_string(range.nbytes) +
                                 " bytes from address " + std::to_string(range.address) +
                                 " on are not what MPI-IO was given to write; choose another "
                                 "Hdf5Options::transfer: only Transfer::collective uses MPI-IO");
}

// As a load finds the chunk in the file.
StoredChunk stored(const WrittenChunk& chunk) {
  return {.row = chunk.place.chunk,
          .grid = chunk.grid,
          .writer = 0,
          .nbytes = chunk.nbytes,
          .checksums = chunk.checksums,
          .stored = {},
          .part = {0, chunk.place.address, whole_box(chunk.sizes)},
          .digest = 0};
}

}  // namespace

void read_back(const WriteWork& work, const CheckpointFiles& files, const Index& index) {
  StoredChunk chunk;
  const WrittenChunk* latest = nullptr;
  Bytes buffer;
  for (const auto& part : work.parts) {
    const auto& written = work.chunks[part.chunk];
    if (is_in_slot(written)) continue;
    if (latest != &written) {
      latest = &written;
      chunk = stored(written);
    }
    const auto row = static_cast<std::size_t>(written.place.row);
    const auto damaged = find_damage(files, index, row, chunk, part.box, buffer);
    if (damaged.empty()) continue;
    const auto& [box, range] = damaged.front();
    fail("'" + written.item->index.fqn + "' " + to_string(box), range);
  }
}

void read_back_metadata(const PosixFile& file, const Index& index) {
  const auto damaged = damaged_segments(file, other_bytes(index), index.record());
  if (!damaged.empty()) fail("HDF5 metadata", damaged.front());
}

}  // namespace h5dcp
