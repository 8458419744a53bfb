// Going through what a rank has of a file, from its beginning to its end.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "comm/node.hpp"
#include "transfer/piece_walk.hpp"

namespace h5dcp {

// One piece after the other, of which only the latest is asked for its data.
class OrderedWalk {
 public:
  using Data = std::function<const void*(std::size_t)>;

  // Of pieces[i] for all i in `order`, none of which begins before the one ahead of it ends. All
  // must outlive it. `data(i)` is good until the next call.
  OrderedWalk(const std::vector<Piece>& pieces, const std::vector<std::size_t>& order,
              const Data& data)
      : pieces_(pieces), order_(order), data_(data) {}

  // Of the next range; NodeSession::kNone at the end.
  std::uint64_t next_address() {
    for (; next_ < order_.size(); ++next_) {
      if (!walk_) walk_.emplace(pieces_[order_[next_]]);
      if (!walk_->at_end()) return walk_->address();
      walk_.reset();
      packed_ = nullptr;
    }
    return NodeSession::kNone;
  }

  // Which piece that is a range of; there must be one.
  std::size_t next_piece() const { return order_[next_]; }

  // Calls take(address, bytes, how many) for all ranges up to `end`, where one may be cut. Throws
  // what data() does.
  template <class Take>
  void go_to(std::uint64_t end, const Take& take) {
    for (auto address = next_address(); address < end; address = next_address()) {
      if (packed_ == nullptr) packed_ = static_cast<const std::byte*>(data_(next_piece()));
      const auto nbytes = std::min(walk_->nbytes(), end - address);
      take(address, packed_ + walk_->offset(), nbytes);
      walk_->take(nbytes);
    }
  }

 private:
  const std::vector<Piece>& pieces_;
  const std::vector<std::size_t>& order_;
  const Data& data_;
  std::size_t next_ = 0;  // of the order: the piece that is walked
  std::optional<PieceWalk> walk_;
  const std::byte* packed_ = nullptr;  // its elements, once they are needed
};

}  // namespace h5dcp
