// The stretch of a file that the ranks of a node write or read together, as they have it in memory.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "comm/node.hpp"

namespace h5dcp {

// It moves through the file. Each rank has a slot of it, and is the one that makes the system calls
// for what lies there; all ranks fill all slots. Two in turn, so that one can be filled while
// another is written.
//
// Beside it lie marks, one a page: what they count is up to the user. There are three sets in turn,
// so that each can clear the marks of its slot when all are through with them. And one note a page,
// of which each rank makes those of its slot.
class Window {
 public:
  static constexpr std::uint64_t kSlotBytes = std::uint64_t{1} << 20;
  static constexpr std::uint64_t kPageBytes = 4096;
  static constexpr std::uint64_t kPagesASlot = kSlotBytes / kPageBytes;
  using Mark = std::atomic<std::uint32_t>;
  using Note = std::atomic<std::uint64_t>;

  explicit Window(const NodeMemory& memory) : memory_(&memory) {}

  // To the slots from that on in which `address` is: where it begins is a multiple of kSlotBytes.
  void move_to(std::uint64_t address) {
    begin_ = address / kSlotBytes * kSlotBytes;
    ++moves_;
  }

  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return begin_ + nbytes(); }

  // This rank's slot.
  std::uint64_t slot_begin() const {
    return begin_ + static_cast<std::uint64_t>(memory_->rank()) * kSlotBytes;
  }

  // Of an address in the window.
  std::byte* at(std::uint64_t address) const {
    return memory_->room() + moves_ % 2 * nbytes() + (address - begin_);
  }

  // The mark of the page in which `address` is.
  Mark& mark(std::uint64_t address) const { return marks(moves_)[(address - begin_) / kPageBytes]; }

  // The note of the page in which `address` is.
  Note& note(std::uint64_t address) const { return notes()[(address - begin_) / kPageBytes]; }

  void clear_notes() const {
    auto* own = notes() + static_cast<std::uint64_t>(memory_->rank()) * kPagesASlot;
    for (std::uint64_t page = 0; page < kPagesASlot; ++page) {
      own[page].store(0, std::memory_order_relaxed);
    }
  }

  // Clears all marks of this rank's slot.
  void clear_all_marks() const {
    for (std::uint64_t set = 0; set < kSets; ++set) clear_marks(set);
  }

  // Clears the marks of this rank's slot as they were before the last `moves` moves.
  void clear_marks(std::uint64_t moves) const {
    auto* own = marks(moves_ - moves) + static_cast<std::uint64_t>(memory_->rank()) * kPagesASlot;
    for (std::uint64_t page = 0; page < kPagesASlot; ++page) {
      own[page].store(0, std::memory_order_relaxed);
    }
  }

 private:
  static constexpr std::uint64_t kSets = 3;
  static_assert(2 * kSlotBytes + kSets * kPagesASlot * sizeof(Mark) + kPagesASlot * sizeof(Note) <=
                NodeMemory::kRoomBytes);

  std::uint64_t nbytes() const { return ranks() * kSlotBytes; }
  std::uint64_t ranks() const { return static_cast<std::uint64_t>(memory_->size()); }

  Mark* marks(std::uint64_t move) const {
    auto* first = reinterpret_cast<Mark*>(memory_->room() + 2 * nbytes());
    return first + move % kSets * ranks() * kPagesASlot;
  }

  Note* notes() const {
    const auto marks = kSets * ranks() * kPagesASlot * sizeof(Mark);
    return reinterpret_cast<Note*>(memory_->room() + 2 * nbytes() + marks);
  }

  const NodeMemory* memory_;
  std::uint64_t begin_ = 0;
  std::uint64_t moves_ = kSets;  // none, but so that one can look back
};

}  // namespace h5dcp
