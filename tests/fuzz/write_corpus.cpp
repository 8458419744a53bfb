// Writes what the fuzzers begin with, a folder each in FOLDER: write_corpus FOLDER.

#include <complex>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>

#include "h5dcp/extension.hpp"
#include "h5dcp/flatten.hpp"
#include "index_input.hpp"
#include "layout/box_chunks.hpp"
#include "layout/data_parts.hpp"
#include "layout/filters.hpp"
#include "state/json_value.hpp"
#include "state/transformed_value.hpp"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;

class Corpus {
 public:
  // Removes what fuzzers have added: each run begins with the same.
  Corpus(const fs::path& folder, const std::string& fuzzer) : folder_(folder / fuzzer) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }

  void add(const std::string& name, const Bytes& bytes) const {
    std::ofstream file(folder_ / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    if (!file.flush()) throw std::runtime_error("cannot write '" + (folder_ / name).string() + "'");
  }

 private:
  fs::path folder_;
};

// The bytes of a record behind its magic, up to the digests of segments.
void write_records(const Corpus& corpus) {
  Record record{.committed = true, .generation = 1, .world_size = 2, .file_bytes = 1 << 20};
  for (std::size_t t = 0; t < kTables; ++t) record.tables.at(t) = {4096 * (t + 1), 64};
  const auto add = [&](const std::string& name) {
    const auto bytes = encode_record(record);
    corpus.add(name, {bytes.begin() + 8, bytes.begin() + 1100});
  };
  add("plain");
  record.chunked = record.unhashed = true;
  record.filtered = {8192, 100};
  add("chunked");
  record.chunked = false;
  record.data_files = 3;
  record.data_folder = "folder";
  add("files");
}

void write_indexes(const Corpus& corpus) {
  constexpr auto kTensor = EntryKind::tensor;
  test::MadeCheckpoint plain;
  plain.add("a.0.x", std::string{2, 3, 2}, kTensor, DType::float32, {3, 2});
  plain.add("b", "", EntryKind::scalar, DType::float64, {});
  plain.add("c", "", EntryKind::list, DType::int64, {5});
  plain.add("d", "", kTensor, DType::bfloat16, {});
  plain.add("e", "", EntryKind::json, DType::uint8, {64});
  plain.blobs = {'n', 'u', 'l', 'l'};
  plain.blobs.resize(64);
  plain.chunks.back().nbytes = 4;
  plain.checksums.back() = xxh3(plain.blobs.data(), 64);
  corpus.add("plain", test::encode_input(plain));

  test::MadeCheckpoint grid;
  grid.add("grid", "", kTensor, DType::uint8, {4, 4}).chunks = 2;
  grid.boxes = {0, 0, 4, 3, 0, 3, 4, 1};
  grid.chunks.push_back(grid.chunks.back());
  grid.chunks[0].nbytes = 12;
  grid.chunks[1].nbytes = 4;
  grid.chunks[1].first_box = 4;
  grid.record.unhashed = true;
  for (auto& chunk : grid.chunks) chunk.blocks = 0;
  grid.checksums.clear();
  corpus.add("grid", test::encode_input(grid));

  for (const auto compression : {Compression::none, Compression::deflate, Compression::zstd}) {
    const Filters filters{.compression = compression, .level = 1, .shuffle = true};
    test::MadeCheckpoint made;
    auto& row = made.add("f", "", kTensor, DType::float32, {4, 8});
    row.address = 0;
    row.filters = encode_filters(filters);
    made.shapes.insert(made.shapes.end(), {2, 8});
    made.data.clear();
    apply_filters(filters, Bytes(64).data(), 64, 4, made.data);
    const auto nbytes = made.data.size();
    made.record.filtered = {kRecordBytes, nbytes};
    const auto hash = xxh3(made.data.data(), nbytes);
    made.checksums = {hash, kRecordBytes, nbytes, hash, kRecordBytes, nbytes};
    made.chunks[0].blocks = 2;
    made.chunks[0].block_rows = 2;
    corpus.add("filtered_" + std::to_string(static_cast<int>(compression)),
               test::encode_input(made));
  }

  test::MadeCheckpoint chunked;
  chunked.record.chunked = true;
  auto& row = chunked.add("c", "", kTensor, DType::uint8, {3, 8});
  row.filters = kBoxChunks;
  row.chunks = 2;
  chunked.shapes.insert(chunked.shapes.end(), {2, 8});
  chunked.data.resize(4096 + 16);
  chunked.boxes = {0, 0, 2, 8, 2, 0, 1, 8};
  chunked.chunks.push_back(chunked.chunks.back());
  chunked.chunks[0].nbytes = 16;
  chunked.chunks[0].block_rows = 2;
  chunked.chunks[1].nbytes = 8;
  chunked.chunks[1].block_rows = 1;
  chunked.chunks[1].first_box = 4;
  chunked.chunks[1].first_checksum = 1;
  chunked.checksums.push_back(0);
  corpus.add("chunked", test::encode_input(chunked));

  test::MadeCheckpoint files;
  files.record.data_files = 2;
  files.add("p", "", kTensor, DType::float32, {4}).address = 0;
  const auto parts = encode_parts({{1, 8192, {{0}, {4}}}});
  files.shapes.insert(files.shapes.end(), parts.begin(), parts.end());
  corpus.add("files", test::encode_input(files));
}

void write_values(const Corpus& corpus) {
  const auto add = [&](const std::string& name, std::uint8_t what, const auto& bytes) {
    Bytes input{what};
    for (const auto byte : bytes) input.push_back(static_cast<std::uint8_t>(byte));
    corpus.add(name, input);
  };
  const Value value = List{{},
                           true,
                           -1,
                           0.1,
                           std::numeric_limits<double>::infinity(),
                           std::complex<double>(1, -2),
                           "text\n\xC3\xA9",
                           Bytes{0, 255},
                           Map{{"$map", Map{{"a", List{List(), Map()}}}}}};
  add("json", 0, to_json(value));
  add("numbers", 1, std::string("\x03\1\2\3\4\5\6\7\xff", 9));
  add("path", 2, std::string("\3\2\3\2a.0.x", 9));
  const auto zstd = std::make_shared<ZStandard>();
  add("transformed", 3, encode_value(value, {zstd, zstd}).bytes);
}

}  // namespace
}  // namespace h5dcp

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_corpus FOLDER\n";
    return 2;
  }
  h5dcp::write_records({argv[1], "record"});
  h5dcp::write_indexes({argv[1], "index"});
  h5dcp::write_values({argv[1], "values"});
}
