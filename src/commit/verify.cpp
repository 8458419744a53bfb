// Every byte of a checkpoint against what was committed.

#include <utility>

#include "commit/opened.hpp"
#include "h5dcp/error.hpp"
#include "storage/segments.hpp"
#include "storage/stored_blocks.hpp"
#include "storage/values.hpp"

namespace h5dcp {
namespace {

using Tell = std::function<void(const Damage&)>;

constexpr std::uint64_t kPieceBytes = std::uint64_t{8} << 20;

// Bytes of the file from the first to the last element of `box`, what lies between them included.
Range range_of(const Index& index, std::size_t i, const Box& box) {
  Extents last = box.offsets;
  for (std::size_t d = 0; d < box.dims(); ++d) last[d] += box.sizes[d] - 1;
  const auto first = address_of(index, i, box.offsets);
  return {first, address_of(index, i, last) + itemsize(index.dtype(i)) - first};
}

// Returns whether all is well.
bool verify_chunk(const PosixFile& file, const Index& index, std::size_t i,
                  const StoredChunk& chunk, const Tell& tell) {
  bool sound = true;
  const bool tensor = index.kind(i) == EntryKind::tensor;
  const auto dtype = index.dtype(i);
  Bytes buffer;
  for (const auto& piece : pieces(chunk.grid, chunk.grid.box, itemsize(dtype), kPieceBytes)) {
    read_packed(file, index, i, piece, buffer);
    for (const auto& block : damaged_blocks(index, i, chunk, piece, buffer.data())) {
      const auto range = range_of(index, i, block);
      tell({.what = tensor ? "tensor data" : "value",
            .fqn = std::string(index.fqn(i)),
            .box = tensor ? std::optional(block) : std::nullopt,
            .address = range.address,
            .nbytes = range.nbytes});
      sound = false;
    }
  }
  return sound;
}

// Whether the bytes of a value, which are as they were written, make sense.
void verify_value(const PosixFile& file, const Index& index, std::size_t i, const Tell& tell) {
  try {
    static_cast<void>(read_value(file, index, i));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) throw;
    tell({.what = std::string("value: ") + error.what(),
          .fqn = std::string(index.fqn(i)),
          .box = std::nullopt,
          .address = index.row(i).address,
          .nbytes = 0});
  }
}

void verify_metadata(const PosixFile& file, const Index& index, const Tell& tell) {
  Range range;  // neighbours are told as one
  const auto told = [&] {
    if (range.nbytes == 0) return;
    tell({.what = "HDF5 metadata or padding",
          .fqn = {},
          .box = std::nullopt,
          .address = range.address,
          .nbytes = range.nbytes});
  };
  for (const auto& next : damaged_segments(file, other_bytes(index), index.record())) {
    if (range.address + range.nbytes == next.address) {
      range.nbytes += next.nbytes;
    } else {
      told();
      range = next;
    }
  }
  told();
}

}  // namespace

void CheckpointFile::verify(const Tell& tell) const {
  const auto& [file, index] = *impl_;
  verify_metadata(file, index, tell);
  std::uint64_t digests = 0;
  bool rows_are_whole = true;
  for (std::size_t i = 0; i < index.size(); ++i) {
    std::vector<StoredChunk> chunks;
    try {
      static_cast<void>(index.path(i));
      chunks = read_chunks(file, index, i);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::corrupt) throw;
      rows_are_whole = false;
      const auto& rows = index.record().table(Table::chunks);
      tell({.what = std::string("index: ") + error.what(),
            .fqn = std::string(index.fqn(i)),
            .box = std::nullopt,
            .address = rows.address + index.row(i).first_chunk * sizeof(ChunkRow),
            .nbytes = 0});
      continue;
    }
    bool sound = true;
    for (const auto& chunk : chunks) {
      digests += chunk.digest;
      sound = verify_chunk(file, index, i, chunk, tell) && sound;
    }
    if (sound && index.kind(i) != EntryKind::tensor) verify_value(file, index, i, tell);
  }
  if (rows_are_whole && digests != index.record().index_digest) {
    tell({.what = "index: its rows are not those that were committed",
          .fqn = {},
          .box = std::nullopt,
          .address = index.record().table(Table::chunks).address,
          .nbytes = 0});
  }
}

std::vector<Damage> verify_checkpoint(const std::string& path) {
  std::vector<Damage> found;
  try {
    CheckpointFile(path).verify([&found](const Damage& damage) { found.push_back(damage); });
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) throw;
    found.push_back(
        {.what = error.what(), .fqn = {}, .box = std::nullopt, .address = 0, .nbytes = 0});
  }
  return found;
}

std::string to_string(const Damage& damage) {
  std::string text = damage.what;
  if (damage.nbytes == 0) return text;  // it says all
  if (!damage.fqn.empty()) text += " of '" + damage.fqn + "'";
  if (damage.box) text += " " + to_string(*damage.box);
  return text + " at " + std::to_string(damage.address) + ": " + std::to_string(damage.nbytes) +
         " bytes do not match their checksum";
}

}  // namespace h5dcp
