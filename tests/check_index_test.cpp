// Indexes that somebody made up are refused when they are opened, and ask for no more memory than
// their files have bytes.

#include "files/check_index.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "fuzz/index_input.hpp"
#include "fuzz/made_checkpoint.hpp"
#include "h5dcp/error.hpp"
#include "layout/box_chunks.hpp"
#include "layout/chunk_shape.hpp"
#include "layout/data_parts.hpp"
#include "layout/filters.hpp"
#include "state/depth.hpp"

namespace h5dcp {
namespace {

using test::MadeCheckpoint;

PosixFile file_of(const Bytes& bytes) {
  auto file = PosixFile::in_memory();
  file.write(bytes.data(), bytes.size(), 0);
  return file;
}

// Opens it, and reads the rows of all entries.
void open_all(const MadeCheckpoint& made) {
  const auto file = file_of(made.finish());
  const Index index = read_index(file);
  static_cast<void>(metadata_of(index, "made up"));
  for (std::size_t i = 0; i < index.size(); ++i) read_chunks(file, index, i);
}

struct Case {
  const char* why;
  std::function<void(MadeCheckpoint&)> make;
  const char* expected;  // in the message
};

void expect_refused(const Case& c) {
  MadeCheckpoint made;
  c.make(made);
  try {
    open_all(made);
    ADD_FAILURE() << c.why << ": opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::corrupt) << c.why << ": " << error.what();
    EXPECT_NE(std::string(error.what()).find(c.expected), std::string::npos)
        << c.why << ": " << error.what();
  }
}

constexpr auto kTensor = EntryKind::tensor;
constexpr auto kLargest = std::numeric_limits<std::int64_t>::max();

// A float32 tensor in filtered chunks, each of which has `stored` bytes of its own.
void add_filtered(MadeCheckpoint& made, Compression compression, std::int64_t rows,
                  std::int64_t chunk_rows, std::uint64_t stored) {
  auto& row = made.add("filtered", "", kTensor, DType::float32, {1});
  made.shapes.back() = rows;
  made.shapes.push_back(chunk_rows);
  made.boxes.back() = rows;
  row.nbytes = static_cast<std::uint64_t>(rows) * 4;
  row.address = 0;
  row.filters = encode_filters({.compression = compression, .level = 3});
  made.chunks.back().nbytes = row.nbytes;
  made.chunks.back().block_rows = static_cast<std::uint64_t>(chunk_rows);
  const auto blocks = static_cast<std::uint64_t>((rows - 1) / chunk_rows + 1);
  made.chunks.back().blocks = blocks;
  made.checksums.clear();
  made.record.filtered = {kRecordBytes, blocks * stored};
  for (std::uint64_t b = 0; b < blocks; ++b) {
    made.checksums.insert(made.checksums.end(), {0, kRecordBytes + b * stored, stored});
  }
  made.data.resize(blocks * stored);
}

// A float32 tensor of [2, 4096] in two chunks of shards.
void add_box_chunks(MadeCheckpoint& made) {
  made.record.chunked = true;
  auto& row = made.add("chunked", "", kTensor, DType::float32, {2, 4096});
  row.filters = kBoxChunks;
  row.chunks = 2;
  made.shapes.insert(made.shapes.end(), {1, 4096});
  auto& chunk = made.chunks.back();
  chunk.nbytes = 16384;
  chunk.block_rows = 1;
  made.boxes = {0, 0, 1, 4096, 1, 0, 1, 4096};
  made.checksums.push_back(made.checksums.back());
  ChunkRow second = chunk;
  second.first_box += 4;
  second.first_checksum += 1;
  made.chunks.push_back(second);
}

// A float32 tensor of [4] in data file `number`.
void add_in_data_file(MadeCheckpoint& made, std::int64_t number) {
  made.record.data_files = 1;
  made.record.data_folder = "folder";
  auto& row = made.add("in_file", "", kTensor, DType::float32, {4});
  row.address = 0;
  const auto part = encode_parts({{1, kRecordBytes, {{0}, {4}}}});
  made.shapes.insert(made.shapes.end(), part.begin(), part.end());
  made.shapes.at(made.shapes.size() - 4) = number;
}

TEST(CheckIndex, TakesWhatIsRight) {
  MadeCheckpoint plain;
  plain.add("a.0.x", std::string{2, 3, 2}, kTensor, DType::float32, {3, 2});
  plain.add("b", "", EntryKind::scalar, DType::float64, {});
  plain.add("c", "", EntryKind::list, DType::int64, {5});
  plain.add("d", "", kTensor, DType::float32, {0, kLargest});
  plain.rows.back().chunks = 0;
  plain.chunks.pop_back();
  plain.boxes.resize(plain.boxes.size() - 4);
  plain.checksums.pop_back();
  plain.add("e", "", EntryKind::json, DType::uint8, {64});
  EXPECT_NO_THROW(open_all(plain));

  MadeCheckpoint filtered;
  add_filtered(filtered, Compression::zstd, 100'000, 40'000, 100);
  EXPECT_NO_THROW(open_all(filtered));
  MadeCheckpoint chunked;
  add_box_chunks(chunked);
  EXPECT_NO_THROW(open_all(chunked));
  MadeCheckpoint in_file;
  add_in_data_file(in_file, 1);
  EXPECT_NO_THROW(open_all(in_file));
  EXPECT_NO_THROW(open_all({}));
}

TEST(CheckIndex, RefusesWhatContradictsItself) {
  const Case cases[] = {
      {"an empty box at the end of a tensor in chunks of shards",
       [](auto& made) {
         add_box_chunks(made);
         made.boxes = {2, 4096, 0, 0, 1, 0, 1, 4096};
         made.chunks[0].nbytes = made.chunks[0].blocks = 0;
         made.chunks[1].first_checksum = 0;
       },
       "has a box without elements"},
      {"a negative size of a filtered chunk",
       [](auto& made) {
         add_filtered(made, Compression::zstd, 1000, 500, 100);
         made.shapes.back() = -1;
       },
       "its chunks are larger than it is"},
      {"a filtered tensor of sizes that nobody can count",
       [](auto& made) {
         add_filtered(made, Compression::zstd, 1000, 500, 100);
         made.rows[0].dims = 2;
         made.shapes = {kLargest, kLargest, kLargest, kLargest};
       },
       "its sizes and its bytes do not match"},
      {"a part in data file 2^32 + 1",
       [](auto& made) { add_in_data_file(made, (std::int64_t{1} << 32) + 1); }, "data file"},
      {"a part in data file -1", [](auto& made) { add_in_data_file(made, -1); }, "data file"},
      {"data files without an end",
       [](auto& made) {
         add_in_data_file(made, 1);
         made.record.data_files = ~0U;
       },
       "data files"},
      {"a path of a thousand and one components",
       [](auto& made) { made.add(std::string(kMostDepth, '.'), "", kTensor, DType::float32, {1}); },
       "components"},
      {"names that two rows share",
       [](auto& made) {
         made.add("ab", "", kTensor, DType::float32, {1});
         made.add("b", "", kTensor, DType::float32, {1}).name_offset = 1;
       },
       "does not follow"},
      {"sizes that two rows share",
       [](auto& made) {
         made.add("a", "", kTensor, DType::float32, {1});
         made.add("b", "", kTensor, DType::float32, {1}).first_size = 0;
       },
       "do not follow"},
      {"boxes that two rows share",
       [](auto& made) {
         made.add("a", "", kTensor, DType::float32, {1});
         made.add("b", "", kTensor, DType::float32, {1}).first_chunk = 0;
       },
       "do not follow"},
      {"a tensor of which no box was written",
       [](auto& made) {
         made.add("a", "", kTensor, DType::float32, {1}).chunks = 0;
         made.chunks.clear();
         made.boxes.clear();
       },
       "no box"},
      {"a table with something behind the rows",
       [](auto& made) {
         made.add("a", "", kTensor, DType::float32, {1});
         made.names += "b";
       },
       "'names' is longer"},
      {"a slot of floats",
       [](auto& made) { made.add("a", "", EntryKind::json, DType::float32, {16}); }, "no bytes"},
  };
  for (const auto& c : cases) expect_refused(c);
}

// Each asks for more than its file has.
TEST(CheckIndex, RefusesWhatNoFileOfThatSizeHas) {
  const Case cases[] = {
      {"a position in a list",
       [](auto& made) {
         made.add("list.100000000", std::string{8, 19}, kTensor, DType::float32, {1});
       },
       "100000001 elements"},
      {"positions in many lists",
       [](auto& made) {
         for (int i = 10; i < 99; ++i) {
           made.add(std::to_string(i) + ".9000", std::string{4, 9}, kTensor, DType::float32, {1});
         }
       },
       "801089 elements"},
      {"many tensors with the same bytes",
       [](auto& made) {
         const auto address = made.add("a", "", kTensor, DType::uint8, {100'000}).address;
         for (const char* name : {"b", "c", "d"}) {
           made.add(name, "", kTensor, DType::uint8, {100'000}).address = address;
         }
         made.data.resize(100'000);
       },
       "more than the file"},
      {"more than Zstandard can make of what is stored",
       [](auto& made) { add_filtered(made, Compression::zstd, 3 << 22, 1 << 22, 100); },
       "more bytes than can be stored"},
      {"more than deflate can make of what is stored",
       [](auto& made) { add_filtered(made, Compression::deflate, 1 << 20, 1 << 18, 900); },
       "more bytes than can be stored"},
      {"more filtered chunks than checksums",
       [](auto& made) {
         add_filtered(made, Compression::zstd, 1000, 500, 100);
         made.shapes = {std::int64_t{1} << 40, 1 << 22};
         made.rows[0].nbytes = std::uint64_t{1} << 42;
       },
       "more chunks than there are checksums"},
      {"a tensor in data files of more bytes than there are checksums for",
       [](auto& made) {
         add_in_data_file(made, 1);
         made.shapes = {std::int64_t{1} << 40, 1, 1, kRecordBytes, 0, std::int64_t{1} << 40};
         made.rows[0].nbytes = made.chunks[0].nbytes = std::uint64_t{1} << 42;
         made.boxes[1] = std::int64_t{1} << 40;
         made.chunks[0].block_rows = std::uint64_t{1} << 40;
       },
       "more bytes than there are checksums for"},
      {"a block larger than any",
       [](auto& made) {
         made.add("a", "", kTensor, DType::uint8, {2 << 20});
         made.checksums.push_back(0);  // so that there are enough
       },
       "larger than any"},
  };
  for (const auto& c : cases) expect_refused(c);
}

TEST(CheckIndex, IsFuzzedWithWhatComesBack) {
  MadeCheckpoint made;
  add_in_data_file(made, 1);
  made.add("z", "", EntryKind::bytes, DType::uint8, {64});
  const auto input = test::encode_input(made);
  const auto back = test::decode_input(input);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->finish(), made.finish());
  EXPECT_FALSE(test::decode_input(std::span(input).first(input.size() - 1)));
}

}  // namespace
}  // namespace h5dcp
