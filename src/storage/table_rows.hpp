// The rows of one table of the index that a rank fills.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "h5dcp/bytes.hpp"
#include "layout/record.hpp"
#include "storage/engine.hpp"
#include "storage/index.hpp"

namespace h5dcp {

// As pieces of at most kRowsAPiece ranges.
class TableRows {
 public:
  TableRows(Table table, std::size_t itemsize, const Index& index)
      : table_(table),
        target_{
            .number = index.size() + static_cast<std::size_t>(table),
            .address = index.record().table(table).address,
            .itemsize = itemsize,
            .sizes = {static_cast<std::int64_t>(index.record().table(table).nbytes / itemsize)}} {}

  // `items` ascend by `first`.
  template <class T>
  void add(std::uint64_t first, const T* items, std::size_t count) {
    if (count == 0) return;
    const auto begin = static_cast<std::int64_t>(first);
    auto* last = pieces_.empty() ? nullptr : &pieces_.back().boxes.back();
    if (last != nullptr && last->offsets[0] + last->sizes[0] == begin) {
      last->sizes[0] += static_cast<std::int64_t>(count);
    } else {
      if (last == nullptr || pieces_.back().boxes.size() == kRowsAPiece) {
        pieces_.push_back({target_, {}});
        starts_.push_back(bytes_.size());
      }
      pieces_.back().boxes.push_back({{begin}, {static_cast<std::int64_t>(count)}});
    }
    const auto* raw = reinterpret_cast<const std::uint8_t*>(items);
    bytes_.insert(bytes_.end(), raw, raw + count * sizeof(T));
  }

  std::string name() const { return std::string("index table '") + name_of(table_) + "'"; }
  const std::vector<Piece>& pieces() const { return pieces_; }
  const void* data(std::size_t piece) const { return bytes_.data() + starts_[piece]; }

 private:
  static constexpr std::size_t kRowsAPiece = 256;  // HDF5 joins selections in quadratic time

  Table table_;
  Target target_;
  std::vector<Piece> pieces_;
  std::vector<std::size_t> starts_;  // of each piece in bytes_
  Bytes bytes_;
};

}  // namespace h5dcp
