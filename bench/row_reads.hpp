// Counts what a rank reads of the index to find the rows that it needs of one tensor: by the
// library's own code, from a file in memory that has nothing but these rows.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "files/index.hpp"
#include "files/posix_file.hpp"
#include "files/table_reader.hpp"
#include "layout/blocks.hpp"
#include "layout/record.hpp"
#include "layout/tables.hpp"

namespace bench {

// The rows of a tensor of bytes in `boxes`, one checksum a block.
class StoredRows {
 public:
  StoredRows(const h5dcp::Extents& sizes, const std::vector<h5dcp::Box>& boxes)
      : file_(h5dcp::PosixFile::in_memory()) {
    const auto dims = static_cast<std::uint32_t>(sizes.size());
    std::vector<h5dcp::ChunkRow> rows;
    std::vector<std::int64_t> numbers;
    std::vector<std::uint64_t> checksums;
    for (const auto& box : boxes) {
      const auto grid = h5dcp::block_grid(box, 1);
      const auto blocks = static_cast<std::uint64_t>(h5dcp::block_count(grid));
      h5dcp::ChunkRow row{.tensor = 0,
                          .first_box = numbers.size(),
                          .first_checksum = checksums.size(),
                          .blocks = blocks,
                          .nbytes = static_cast<std::uint64_t>(h5dcp::numel(box.sizes)),
                          .block_rows = static_cast<std::uint64_t>(grid.rows),
                          .block_dim = static_cast<std::uint32_t>(grid.dim),
                          .writer = 0,
                          .digest = 0};
      numbers.insert(numbers.end(), box.offsets.begin(), box.offsets.end());
      numbers.insert(numbers.end(), box.sizes.begin(), box.sizes.end());
      checksums.resize(checksums.size() + blocks, 1);
      row.digest = h5dcp::row_digest(rows.size(), row, std::span(numbers).last(2 * dims),
                                     std::span(checksums).last(blocks));
      rows.push_back(row);
    }
    const std::string name = "w";
    h5dcp::TensorRow tensor{};
    tensor.name_bytes = static_cast<std::uint32_t>(name.size());
    tensor.dims = dims;
    tensor.dtype = static_cast<std::uint8_t>(h5dcp::DType::uint8);
    tensor.nbytes = static_cast<std::uint64_t>(h5dcp::numel(sizes));
    tensor.chunks = rows.size();
    h5dcp::Record record;
    h5dcp::Bytes tables;
    std::uint64_t end = h5dcp::kRecordBytes;
    const auto add = [&](h5dcp::Table table, const void* bytes, std::size_t nbytes) {
      record.tables.at(static_cast<std::size_t>(table)) = {end, nbytes};
      file_.write(bytes, nbytes, end);
      end += nbytes;
    };
    const auto add_opened = [&](h5dcp::Table table, const void* bytes, std::size_t nbytes) {
      add(table, bytes, nbytes);
      const auto* first = static_cast<const std::uint8_t*>(bytes);
      tables.insert(tables.end(), first, first + nbytes);
    };
    add_opened(h5dcp::Table::tensors, &tensor, sizeof tensor);
    add_opened(h5dcp::Table::names, name.data(), name.size());
    add_opened(h5dcp::Table::shapes, sizes.data(), dims * sizeof(std::int64_t));
    add(h5dcp::Table::chunks, rows.data(), rows.size() * sizeof rows[0]);
    add(h5dcp::Table::boxes, numbers.data(), numbers.size() * sizeof numbers[0]);
    add(h5dcp::Table::checksums, checksums.data(), checksums.size() * sizeof checksums[0]);
    record.file_bytes = end + tensor.nbytes;
    nbytes_ = end - record.table(h5dcp::Table::chunks).address;
    index_ = h5dcp::Index(record, tables);
  }

  std::uint64_t nbytes() const { return nbytes_; }  // of all rows

  // Finds the rows for `region`, as a load does. Returns the bytes of those that have something of
  // it.
  std::uint64_t find(const h5dcp::Box& region) const {
    h5dcp::TableReader tables(file_, index_.record());
    std::vector<h5dcp::StoredChunk> chunks;
    h5dcp::read_chunks(tables, index_, 0, {&region, 1}, chunks);
    std::uint64_t bytes = 0;
    for (const auto& chunk : chunks) {
      if (!h5dcp::intersect(chunk.grid.box, region)) continue;
      bytes += sizeof(h5dcp::ChunkRow) + 2 * region.dims() * sizeof(std::int64_t) +
               chunk.checksums.size() * sizeof(std::uint64_t);
    }
    return bytes;
  }

 private:
  h5dcp::PosixFile file_;
  h5dcp::Index index_;
  std::uint64_t nbytes_ = 0;
};

// Bytes that this process has read so far, of whatever file.
inline std::uint64_t bytes_read() {
  std::ifstream io("/proc/self/io");
  std::string name;
  std::uint64_t bytes = 0;
  io >> name >> bytes;
  if (!io || name != "rchar:") throw std::runtime_error("/proc/self/io does not count reads");
  return bytes;
}

}  // namespace bench
