// A piece as ranges of the file.

#pragma once

#include <cstddef>
#include <cstdint>

#include "layout/runs.hpp"
#include "transfer/engine.hpp"

namespace h5dcp {

inline std::uint64_t bytes_of(const Piece& piece) {
  std::uint64_t elements = 0;
  for (const auto& box : piece.boxes) elements += static_cast<std::uint64_t>(numel(box.sizes));
  return elements * piece.target.itemsize;
}

// Goes through the ranges of a piece, which must outlive it; a range may be taken bit by bit.
class PieceWalk {
 public:
  explicit PieceWalk(const Piece& piece) : piece_(&piece) { open_box(); }

  bool at_end() const { return walk_.at_end(); }
  std::uint64_t address() const { return piece_->target.address + walk_.offset() + taken_; }
  std::uint64_t nbytes() const { return walk_.nbytes() - taken_; }  // that are left of the range
  std::uint64_t offset() const { return offset_; }                  // among the packed elements

  // Goes on by `nbytes`, at most those that are left of the range.
  void take(std::uint64_t nbytes) {
    offset_ += nbytes;
    taken_ += nbytes;
    if (taken_ < walk_.nbytes()) return;
    taken_ = 0;
    walk_.next();
    if (!walk_.at_end()) return;
    ++box_;
    open_box();
  }

 private:
  void open_box() {
    for (; box_ < piece_->boxes.size(); ++box_) {
      walk_ = RunWalk(piece_->target.sizes, piece_->boxes[box_], piece_->target.itemsize);
      if (!walk_.at_end()) return;
    }
  }

  const Piece* piece_;
  std::size_t box_ = 0;
  RunWalk walk_;             // through this box
  std::uint64_t taken_ = 0;  // of its range
  std::uint64_t offset_ = 0;
};

}  // namespace h5dcp
