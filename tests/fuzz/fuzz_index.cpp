// Checkpoints of random tables, with all digests right: each is refused as corrupt, or everything
// in it can be looked at and read without a byte outside of what belongs to it.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "files/checkpoint_files.hpp"
#include "files/index.hpp"
#include "h5dcp/error.hpp"
#include "index_input.hpp"
#include "skeleton/segments.hpp"
#include "storage/stored_blocks.hpp"
#include "storage/values.hpp"

using namespace h5dcp;

namespace {

constexpr std::uint64_t kPieceBytes = std::uint64_t{8} << 20;

// What an Error says that is not about damage is a fault of ours.
template <class Work>
void expect_corrupt_at_most(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) std::abort();
  }
}

void read_entry(const CheckpointFiles& files, const Index& index, std::size_t i) {
  if (index.find(index.fqn(i)) != i) std::abort();
  static_cast<void>(index.is_prefix(i));
  if (index.kind(i) != EntryKind::tensor) {
    static_cast<void>(read_value(files.own(), index, i));
    return;
  }
  Bytes buffer;
  std::uint64_t bytes = 0;
  for (const auto& chunk : read_chunks(files.own(), index, i)) {
    bytes += chunk.nbytes;
    if (chunk.part.file != 0) continue;  // there are no data files
    const auto item = itemsize(index.dtype(i));
    // What is filtered may be a thousand times as much as the input: a piece of it shows the same.
    for (const auto& box : pieces(chunk.grid, chunk.grid.box, item, kPieceBytes)) {
      static_cast<void>(find_damage(files, index, i, chunk, box, buffer));
      if (!chunk.stored.empty()) break;
    }
    static_cast<void>(find_damaged_padding(files, index, i, chunk));
  }
  if (bytes != index.row(i).nbytes) std::abort();
}

void read_all(const Bytes& bytes) {
  auto own = PosixFile::in_memory();
  own.write(bytes.data(), bytes.size(), 0);
  CheckpointFiles files(std::move(own));
  Index index;
  expect_corrupt_at_most([&] {
    index = read_index(files.own());
    static_cast<void>(metadata_of(index, "fuzz"));
    static_cast<void>(other_bytes(index));
    static_cast<void>(other_bytes(index, 1, bytes.size()));
  });
  for (std::size_t i = 0; i < index.size(); ++i) {
    expect_corrupt_at_most([&] { read_entry(files, index, i); });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto made = test::decode_input({data, size});
  if (made) read_all(made->finish());
  return 0;
}
