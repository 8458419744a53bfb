#include "storage/stored_blocks.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/checksum.hpp"
#include "base/context.hpp"
#include "base/whole_box.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/tensor.hpp"
#include "layout/filters.hpp"
#include "layout/runs.hpp"

namespace h5dcp {

namespace {

// What is read of blocks of which only a part is wanted: others of the node mostly want the rest,
// and look at it in the window, where a piece should lie in one slot.
constexpr std::uint64_t kMostWithMore = std::uint64_t{128} << 10;

// The address of element `offsets` of a chunk of entry i, which is not filtered, in the file where
// its part is.
std::uint64_t address_of(const Index& index, std::size_t i, const StoredChunk& chunk,
                         const Extents& offsets) {
  const auto& part = chunk.part;
  std::uint64_t element = 0;
  for (std::size_t d = 0; d < offsets.size(); ++d) {
    element = element * static_cast<std::uint64_t>(part.box.sizes[d]) +
              static_cast<std::uint64_t>(offsets[d] - part.box.offsets[d]);
  }
  return part.address + element * itemsize(index.dtype(i));
}

// The elements of `box` of a chunk of entry i, which is not filtered, packed.
void read_packed(const CheckpointFiles& files, const Index& index, std::size_t i,
                 const StoredChunk& chunk, const Box& box, std::uint8_t* packed) {
  const auto& part = chunk.part;
  const auto file = files.at(part.file);
  for_each_run(part.box.sizes, relative_to(box, part.box.offsets), itemsize(index.dtype(i)),
               [&](std::uint64_t first, std::uint64_t size) {
                 file->read(packed, size, part.address + first);
                 packed += size;
               });
}

// Those blocks of `box`, packed at `packed`, that are not as they were written.
std::vector<Box> damaged_blocks(const Index& index, std::size_t i, const StoredChunk& chunk,
                                const Box& box, const void* packed) {
  std::vector<Box> damaged;
  if (chunk.checksums.empty()) return damaged;
  const auto* next = static_cast<const std::uint8_t*>(packed);
  const auto item = itemsize(index.dtype(i));
  for_each_block(chunk.grid, box, [&](std::int64_t number, std::int64_t elements) {
    const auto size = static_cast<std::size_t>(elements) * item;
    if (xxh3(next, size) != chunk.checksums.at(static_cast<std::size_t>(number))) {
      damaged.push_back(block(chunk.grid, number));
    }
    next += size;
  });
  return damaged;
}

// Where the bytes of a block are; what lies between them, too.
Range range_of(const Index& index, std::size_t i, const StoredChunk& chunk, const Box& block) {
  if (!chunk.stored.empty()) {
    return chunk.stored.at(static_cast<std::size_t>(block_at(chunk.grid, block.offsets)));
  }
  Extents last = block.offsets;
  for (std::size_t d = 0; d < block.dims(); ++d) last[d] += block.sizes[d] - 1;
  const auto first = address_of(index, i, chunk, block.offsets);
  return {first, address_of(index, i, chunk, last) + itemsize(index.dtype(i)) - first};
}

std::string file_text(const StoredChunk& chunk) {
  if (chunk.part.file == 0) return "the file";
  return "data file " + std::to_string(chunk.part.file);
}

[[noreturn]] void fail_damaged(const Index& index, std::size_t i, const StoredChunk& chunk,
                               const Box& block) {
  const auto nbytes = chunk.stored.empty()
                          ? static_cast<std::uint64_t>(h5dcp::nbytes(index.dtype(i), block.sizes))
                          : range_of(index, i, chunk, block).nbytes;
  throw Error(ErrorCode::corrupt, "'" + std::string(index.fqn(i)) + "' " + to_string(block) +
                                      ": its " + std::to_string(nbytes) + " bytes, from address " +
                                      std::to_string(range_of(index, i, chunk, block).address) +
                                      " of " + file_text(chunk) +
                                      " on, do not match their checksum");
}

// What is stored of a filtered block. Whether it is as it was written.
bool read_stored(const PosixFile& file, const StoredChunk& chunk, const Box& block, Bytes& stored) {
  const auto number = static_cast<std::size_t>(block_at(chunk.grid, block.offsets));
  const auto& range = chunk.stored.at(number);
  stored.resize(range.nbytes);
  file.read(stored.data(), stored.size(), range.address);
  return xxh3(stored.data(), stored.size()) == chunk.checksums.at(number);
}

void read_filtered(const PosixFile& file, const Index& index, std::size_t i,
                   const StoredChunk& chunk, const Box& box, std::uint8_t* packed) {
  const Extents shape = index.chunk_shape(i);
  const auto dtype = index.dtype(i);
  Bytes stored;
  Bytes whole(static_cast<std::size_t>(nbytes(dtype, shape)));
  for (const auto& block : blocks_of(chunk.grid, box)) {
    if (!read_stored(file, chunk, block, stored)) fail_damaged(index, i, chunk, block);
    const bool is_whole = block.sizes == shape;
    with_context("'" + std::string(index.fqn(i)) + "' " + to_string(block), [&] {
      undo_filters(index.filters(i), stored, itemsize(dtype), is_whole ? packed : whole.data(),
                   whole.size());
    });
    if (!is_whole) {  // the rest of it lies outside of the tensor
      copy_elements(narrow(contiguous_view(whole.data(), dtype, shape), whole_box(block.sizes)),
                    contiguous_view(packed, dtype, block.sizes));
    }
    packed += nbytes(dtype, block.sizes);
  }
}

// Whether a filtered block is as it was written, and filters can be undone.
bool is_sound(const PosixFile& file, const Index& index, std::size_t i, const StoredChunk& chunk,
              const Box& block, Bytes& stored) {
  if (!read_stored(file, chunk, block, stored)) return false;
  Bytes whole(static_cast<std::size_t>(nbytes(index.dtype(i), index.chunk_shape(i))));
  try {
    undo_filters(index.filters(i), stored, itemsize(index.dtype(i)), whole.data(), whole.size());
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

Box relative_to(Box box, const Extents& origin) {
  for (std::size_t d = 0; d < box.dims(); ++d) box.offsets[d] -= origin[d];
  return box;
}

void parts_of(const StoredChunk& chunk, const Box& region, std::size_t itemsize,
              std::uint64_t max_bytes, bool checks, std::vector<Box>& parts) {
  const auto overlap = intersect(chunk.grid.box, region);
  if (!overlap || numel(overlap->sizes) == 0) return;
  const bool in_blocks = !chunk.stored.empty() || (checks && !chunk.checksums.empty());
  const Box whole = in_blocks ? whole_blocks(chunk.grid, *overlap) : *overlap;
  if (whole != *overlap) max_bytes = std::min(max_bytes, kMostWithMore);
  if (static_cast<std::uint64_t>(numel(whole.sizes)) * itemsize <= max_bytes) {
    parts.push_back(whole);
  } else {
    pieces(chunk.grid, whole, itemsize, max_bytes, parts);
  }
}

void read_checked(const CheckpointFiles& files, const Index& index, std::size_t i,
                  const StoredChunk& chunk, const Box& box, void* packed) {
  auto* bytes = static_cast<std::uint8_t*>(packed);
  if (!chunk.stored.empty()) {
    read_filtered(files.own(), index, i, chunk, box, bytes);
    return;
  }
  read_packed(files, index, i, chunk, box, bytes);
  check_blocks(index, i, chunk, box, packed);
}

void check_blocks(const Index& index, std::size_t i, const StoredChunk& chunk, const Box& box,
                  const void* packed) {
  const auto damaged = damaged_blocks(index, i, chunk, box, packed);
  if (!damaged.empty()) fail_damaged(index, i, chunk, damaged.front());
}

std::vector<DamagedBlock> find_damage(const CheckpointFiles& files, const Index& index,
                                      std::size_t i, const StoredChunk& chunk, const Box& box,
                                      Bytes& buffer) {
  std::vector<Box> damaged;
  if (chunk.checksums.empty()) return {};
  if (chunk.stored.empty()) {
    buffer.resize(static_cast<std::size_t>(nbytes(index.dtype(i), box.sizes)));
    read_packed(files, index, i, chunk, box, buffer.data());
    damaged = damaged_blocks(index, i, chunk, box, buffer.data());
  } else {
    for (auto& block : blocks_of(chunk.grid, box)) {
      if (!is_sound(files.own(), index, i, chunk, block, buffer))
        damaged.push_back(std::move(block));
    }
  }
  std::vector<DamagedBlock> found;
  for (auto& block : damaged) {
    const auto range = range_of(index, i, chunk, block);
    found.push_back({std::move(block), range});
  }
  return found;
}

std::optional<Range> find_damaged_padding(const CheckpointFiles& files, const Index& index,
                                          std::size_t i, const StoredChunk& chunk) {
  const auto& part = chunk.part;
  if (!index.in_box_chunks(i) || part.box == chunk.grid.box) return std::nullopt;
  const auto file = files.at(part.file);
  const auto item = itemsize(index.dtype(i));
  std::optional<Range> damaged;
  Bytes bytes;
  std::uint64_t done = 0;
  const auto expect_zeros_up_to = [&](std::uint64_t end) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 20;
    while (done < end && !damaged) {
      bytes.resize(std::min(end - done, kMost));
      file->read(bytes.data(), bytes.size(), part.address + done);
      const auto wrong = std::ranges::find_if(bytes, [](auto byte) { return byte != 0; });
      const auto at = done + static_cast<std::uint64_t>(wrong - bytes.begin());
      if (wrong != bytes.end()) damaged = {part.address + at, 1};
      done += bytes.size();
    }
  };
  for_each_run(part.box.sizes, relative_to(chunk.grid.box, part.box.offsets), item,
               [&](std::uint64_t first, std::uint64_t size) {
                 expect_zeros_up_to(first);
                 done = first + size;
               });
  expect_zeros_up_to(static_cast<std::uint64_t>(nbytes(index.dtype(i), part.box.sizes)));
  return damaged;
}

}  // namespace h5dcp
