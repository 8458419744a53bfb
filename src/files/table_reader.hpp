// Rows of the index that are not read to open a checkpoint.

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "files/posix_file.hpp"
#include "h5dcp/bytes.hpp"
#include "layout/record.hpp"

namespace h5dcp {

// Reads ahead of whoever asks for one row after the other: twice as much each time, so that never
// more is read in vain than was of use. Both must outlive it.
class TableReader {
 public:
  TableReader(const PosixFile& file, const Record& record) : file_(file), record_(record) {}

  // Those items of a table, which has them. Good until the next call for that table.
  //
  // Throws Error{io}, Error{corrupt} if the file ends before.
  template <class Item>
  std::span<const Item> items(Table table, std::uint64_t first, std::uint64_t count) {
    const auto* bytes = read(table, first * sizeof(Item), count * sizeof(Item));
    return {reinterpret_cast<const Item*>(bytes), count};
  }

  // Takes these items of a table from whoever has read them already.
  template <class Item>
  void put(Table table, std::uint64_t first, std::span<const Item> items) {
    auto& kept = kept_.at(static_cast<std::size_t>(table));
    const auto bytes = std::as_bytes(items);
    kept.first = first * sizeof(Item);
    kept.bytes.resize(bytes.size());
    if (!bytes.empty()) std::memcpy(kept.bytes.data(), bytes.data(), bytes.size());
  }

 private:
  static constexpr std::uint64_t kMostAhead = std::uint64_t{1} << 20;

  struct Kept {
    std::uint64_t first = 0;  // byte of the table
    Bytes bytes;
    std::uint64_t end() const { return first + bytes.size(); }
  };

  const std::uint8_t* read(Table table, std::uint64_t first, std::uint64_t nbytes) {
    auto& kept = kept_.at(static_cast<std::size_t>(table));
    if (first < kept.first || first + nbytes > kept.end()) {
      const bool goes_on = first >= kept.first && first <= kept.end();
      const auto& range = record_.table(table);
      const auto ahead = goes_on ? std::min<std::uint64_t>(2 * kept.bytes.size(), kMostAhead) : 0;
      kept.bytes.resize(std::min(std::max(nbytes, ahead), range.nbytes - first));
      kept.first = first;
      file_.read(kept.bytes.data(), kept.bytes.size(), range.address + first);
    }
    return kept.bytes.data() + (first - kept.first);
  }

  const PosixFile& file_;
  const Record& record_;
  std::array<Kept, kTables> kept_;
};

}  // namespace h5dcp
