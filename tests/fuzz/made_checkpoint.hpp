// Checkpoints whose record and tables somebody made up, with all digests right.

#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/checksum.hpp"
#include "files/index.hpp"
#include "h5dcp/bytes.hpp"
#include "h5dcp/tensor.hpp"
#include "layout/record.hpp"
#include "layout/tables.hpp"

namespace h5dcp::test {

// The data, at kRecordBytes, then the tables: no HDF5 structures are between them.
struct MadeCheckpoint {
  Record record;  // but for the places of tables and the digests
  Bytes data;
  std::vector<TensorRow> rows;
  std::string names;
  std::vector<std::int64_t> shapes;
  std::vector<ChunkRow> chunks;
  std::vector<std::int64_t> boxes;
  std::vector<std::uint64_t> checksums;
  Bytes blobs;

  // Adds an entry of zeros, in one box of one block, which is hashed. Those in `blobs` must be
  // added after all others, as their addresses hang on the lengths of other tables: see finish().
  TensorRow& add(const std::string& fqn, const std::string& path, EntryKind kind, DType dtype,
                 const std::vector<std::int64_t>& sizes) {
    TensorRow row{};
    row.name_offset = names.size();
    row.name_bytes = static_cast<std::uint32_t>(fqn.size());
    row.path_bytes = static_cast<std::uint32_t>(path.size());
    row.first_size = shapes.size();
    row.dims = static_cast<std::uint32_t>(sizes.size());
    row.dtype = static_cast<std::uint8_t>(dtype);
    row.kind = static_cast<std::uint8_t>(kind);
    row.nbytes = static_cast<std::uint64_t>(nbytes(dtype, Extents(std::span(sizes))));
    row.first_chunk = chunks.size();
    row.chunks = 1;
    const Bytes zeros(row.nbytes);
    if (in_blobs(kind)) {
      row.address = blobs.size();
      blobs.insert(blobs.end(), zeros.begin(), zeros.end());
    } else {
      row.address = kRecordBytes + data.size();
      data.insert(data.end(), zeros.begin(), zeros.end());
    }
    ChunkRow chunk{};
    chunk.tensor = rows.size();
    chunk.first_box = boxes.size();
    chunk.first_checksum = checksums.size();
    chunk.blocks = 1;
    chunk.nbytes = row.nbytes;
    chunk.block_rows = sizes.empty() ? 1 : static_cast<std::uint64_t>(sizes[0]);
    chunks.push_back(chunk);
    boxes.insert(boxes.end(), sizes.size(), 0);
    boxes.insert(boxes.end(), sizes.begin(), sizes.end());
    checksums.push_back(xxh3(zeros.data(), zeros.size()));
    names += fqn + path;
    shapes.insert(shapes.end(), sizes.begin(), sizes.end());
    return rows.emplace_back(row);
  }

  // The file. Places and digests are those of the tables; addresses of slots are counted from the
  // beginning of `blobs` until then.
  Bytes finish() const {
    Record whole = record;
    auto made_rows = rows;
    auto made_chunks = chunks;
    whole.committed = true;
    const std::array<std::size_t, kTables> sizes{rows.size() * sizeof(TensorRow),
                                                 names.size(),
                                                 shapes.size() * sizeof(std::int64_t),
                                                 chunks.size() * sizeof(ChunkRow),
                                                 boxes.size() * sizeof(std::int64_t),
                                                 checksums.size() * sizeof(std::uint64_t),
                                                 blobs.size()};
    std::uint64_t end = kRecordBytes + data.size();
    for (std::size_t t = 0; t < kTables; ++t) {
      whole.tables.at(t) = {end, sizes.at(t)};
      end += sizes.at(t);
    }
    whole.file_bytes = end;
    for (auto& row : made_rows) {
      if (in_blobs(EntryKind{row.kind})) row.address += whole.table(Table::blobs).address;
    }
    whole.index_digest = 0;
    for (std::size_t c = 0; c < made_chunks.size(); ++c) {
      auto& chunk = made_chunks[c];
      const TensorRow of = chunk.tensor < made_rows.size() ? made_rows[chunk.tensor] : TensorRow{};
      const bool filtered = of.filters != 0 && of.filters != 32;
      chunk.digest = row_digest(
          c, chunk, part(boxes, chunk.first_box, std::uint64_t{2} * of.dims),
          part(checksums, chunk.first_checksum, chunk.blocks * numbers_of_block(filtered)));
      whole.index_digest += chunk.digest;
    }
    Bytes file(end);
    const auto put = [&](Table table, const void* from) {
      const auto& range = whole.table(table);
      if (range.nbytes > 0) std::memcpy(&file[range.address], from, range.nbytes);
    };
    if (!data.empty()) std::memcpy(&file[kRecordBytes], data.data(), data.size());
    put(Table::tensors, made_rows.data());
    put(Table::names, names.data());
    put(Table::shapes, shapes.data());
    put(Table::chunks, made_chunks.data());
    put(Table::boxes, boxes.data());
    put(Table::checksums, checksums.data());
    put(Table::blobs, blobs.data());
    for (std::size_t t = 0; t < kOpeningTables; ++t) {
      const auto& range = whole.tables.at(t);
      whole.table_digests.at(t) = xxh3(file.data() + range.address, range.nbytes);
    }
    const Bytes start = encode_record(whole);
    std::memcpy(file.data(), start.data(), start.size());
    return file;
  }

 private:
  // Nothing if there are not so many.
  template <class Item>
  static std::span<const Item> part(const std::vector<Item>& items, std::uint64_t first,
                                    std::uint64_t count) {
    if (first > items.size() || count > items.size() - first) return {};
    return std::span(items).subspan(first, count);
  }
};

}  // namespace h5dcp::test
