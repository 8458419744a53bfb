// The rows of one table of the index that a rank fills.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "files/index.hpp"
#include "h5dcp/bytes.hpp"
#include "layout/record.hpp"
#include "transfer/engine.hpp"

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

  // For so many calls of add().
  void reserve(std::size_t calls) {
    boxes_.reserve(calls);
    bytes_.reserve(calls * target_.itemsize);  // at least
  }

  // `items` ascend by `first`.
  template <class T>
  void add(std::uint64_t first, const T* items, std::size_t count) {
    if (count == 0) return;
    const auto begin = static_cast<std::int64_t>(first);
    auto* last = boxes_.empty() ? nullptr : &boxes_.back();
    if (last != nullptr && last->offsets[0] + last->sizes[0] == begin) {
      last->sizes[0] += static_cast<std::int64_t>(count);
    } else {
      if (boxes_.size() % kRowsAPiece == 0) starts_.push_back(bytes_.size());
      boxes_.push_back({{begin}, {static_cast<std::int64_t>(count)}});
    }
    const auto* raw = reinterpret_cast<const std::uint8_t*>(items);
    bytes_.insert(bytes_.end(), raw, raw + count * sizeof(T));
  }

  std::string name() const { return std::string("index table '") + name_of(table_) + "'"; }
  std::vector<Piece> pieces() const {
    std::vector<Piece> pieces;
    for (std::span<const Box> boxes = boxes_; !boxes.empty();) {
      const auto some = boxes.first(std::min(kRowsAPiece, boxes.size()));
      pieces.push_back({target_, some});
      boxes = boxes.subspan(some.size());
    }
    return pieces;
  }
  const void* data(std::size_t piece) const { return bytes_.data() + starts_[piece]; }

 private:
  static constexpr std::size_t kRowsAPiece = 256;  // HDF5 joins selections in quadratic time

  Table table_;
  Target target_;
  std::vector<Box> boxes_;           // of all pieces
  std::vector<std::size_t> starts_;  // of each piece in bytes_
  Bytes bytes_;
};

}  // namespace h5dcp
