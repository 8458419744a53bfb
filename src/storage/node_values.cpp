#include "storage/node_values.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/corrupt.hpp"
#include "h5dcp/error.hpp"
#include "storage/values.hpp"
#include "transfer/node_read.hpp"

namespace h5dcp {
namespace {

// A value as it is in the file, and what the index has of it.
struct StoredValue {
  ChunkRow row{};
  std::vector<std::int64_t> box;
  std::vector<std::uint64_t> checksums;
  Bytes bytes;
};

Range range_in(const Record& record, Table table, std::uint64_t first, std::uint64_t count) {
  const auto item = item_bytes(table);
  return {record.table(table).address + first * item, count * item};
}

// The values by their entries. False if the session of another rank has failed.
bool fetch(NodeSession& session, const PosixFile& file, const Index& index,
           std::map<std::size_t, StoredValue>& values) {
  const auto& record = index.record();
  std::vector<WantedBytes> wanted;
  for (auto& [i, value] : values) {
    check_is_one_value(index, i);
    wanted.push_back({range_in(record, Table::chunks, index.row(i).first_chunk, 1), &value.row});
  }
  if (!read_on_node(session, file, wanted)) return false;
  wanted.clear();
  for (auto& [i, value] : values) {
    const auto row = index.row(i);
    // What does not fit is not fetched: read_chunks() will say what is wrong.
    const auto fits = [&](Table table, std::uint64_t first, std::uint64_t count) {
      const auto items = record.table(table).nbytes / item_bytes(table);
      return inside(first, count, items);
    };
    const auto numbers = std::uint64_t{2} * row.dims;
    const auto& in = value.row;
    if (fits(Table::boxes, in.first_box, numbers)) {
      value.box.resize(numbers);
      wanted.push_back({range_in(record, Table::boxes, in.first_box, numbers), value.box.data()});
    }
    if (in.blocks <= row.nbytes && fits(Table::checksums, in.first_checksum, in.blocks)) {
      value.checksums.resize(in.blocks);
      wanted.push_back({range_in(record, Table::checksums, in.first_checksum, in.blocks),
                        value.checksums.data()});
    }
    value.bytes.resize(row.nbytes);
    wanted.push_back({{row.address, row.nbytes}, value.bytes.data()});
  }
  std::erase_if(wanted, [](const WantedBytes& some) { return some.range.nbytes == 0; });
  return read_on_node(session, file, std::move(wanted));
}

}  // namespace

void read_values(NodeSession& session, const PosixFile& file, const Index& index,
                 const std::vector<const ReadItem*>& items, LoadPlanner& planner) {
  std::map<std::size_t, StoredValue> values;
  std::vector<std::size_t> entries;
  for (const auto* item : items) {
    const auto& fqn = item->storage_index.fqn;
    const auto entry = index.find(fqn, entries.empty() ? 0 : entries.back() + 1);
    if (!entry) throw Error(ErrorCode::not_found, "'" + fqn + "' is not here");
    entries.push_back(*entry);
    values.try_emplace(*entry);
  }
  if (!fetch(session, file, index, values)) return;
  TableReader tables(file, index.record());
  std::vector<StoredChunk> chunks;
  for (std::size_t n = 0; n < items.size(); ++n) {
    const auto i = entries[n];
    const auto& value = values.at(i);
    tables.put<ChunkRow>(Table::chunks, index.row(i).first_chunk, {&value.row, 1});
    tables.put<std::int64_t>(Table::boxes, value.row.first_box, value.box);
    tables.put<std::uint64_t>(Table::checksums, value.row.first_checksum, value.checksums);
    read_chunks(tables, index, i, chunks);
    planner.load_bytes(*items[n], decode_stored(index, i, chunks[0], value.bytes));
  }
}

}  // namespace h5dcp
