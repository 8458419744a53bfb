// The stretch of a file that the ranks of a node write or read together, as they have it in memory.

#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "comm/node.hpp"

namespace h5dcp {

// It moves through the file. Each rank has a slot of it, and is the one that makes the system calls
// for what lies there; all ranks fill all slots. Two in turn, so that one can be filled while
// another is written.
//
// Beside it lie marks, one a page, by which all ranks say what they want of the page, or have put
// there; and one note a page, which the rank that has the slot leaves for the others. Both have the
// epoch of the window. So those of another place in the file, of an earlier session or of one that
// has failed say nothing, and nobody clears them.
//
// Memory order: see NodeSeats. A round lies between a write to the window, a note or a mark and
// what another rank does with these bytes, but that several ranks mark one page at once. So marks
// are atomic, and relaxed, and all else is plain. A mark of this window and one of the last but one
// have the same place, and so do their bytes: two rounds lie between them.
class Window {
 public:
  static constexpr std::uint64_t kSlotBytes = std::uint64_t{1} << 20;
  static constexpr std::uint64_t kPageBytes = 4096;
  static constexpr std::uint64_t kPagesASlot = kSlotBytes / kPageBytes;

  // What a note says: this range of a dataset is as it was written.
  struct Sound {
    std::uint64_t dataset;  // Target::number
    std::uint64_t address;
    std::uint64_t nbytes;
  };

  explicit Window(const NodeMemory& memory) : memory_(&memory) {}

  // To the slots from that on in which `address` is: where it begins is a multiple of kSlotBytes.
  // `epoch` is the same on all ranks, and that of no other window in this memory: below 2^51, not
  // 0.
  void move_to(std::uint64_t address, std::uint64_t epoch) {
    begin_ = address / kSlotBytes * kSlotBytes;
    epoch_ = epoch;
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

  // Marks the page in which `address` is as wanted.
  void want(std::uint64_t address) const {
    mark(address).store(epoch_ << kCountBits, std::memory_order_relaxed);
  }
  bool is_wanted(std::uint64_t address) const {
    return mark(address).load(std::memory_order_relaxed) >> kCountBits == epoch_;
  }

  // Counts bytes that were put into the page in which `address` is.
  void count(std::uint64_t address, std::uint64_t nbytes) const {
    auto& counted = mark(address);
    const auto empty = epoch_ << kCountBits;
    auto before = counted.load(std::memory_order_relaxed);
    std::uint64_t after = 0;
    do {
      const auto bytes = before >> kCountBits == epoch_ ? before - empty : 0;
      after = empty + std::min(bytes + nbytes, kPageBytes + 1);  // or it would be another epoch's
    } while (!counted.compare_exchange_weak(before, after, std::memory_order_relaxed));
  }
  bool is_full(std::uint64_t address) const {
    return mark(address).load(std::memory_order_relaxed) == (epoch_ << kCountBits) + kPageBytes;
  }

  // Leaves a note in the page in which the range begins, instead of the one that is there.
  void leave_note(const Sound& range) const {
    note(range.address) = {epoch_, range.dataset, range.address, range.nbytes};
  }
  bool has_note(const Sound& range) const {
    const Note& left = note(range.address);
    return left.epoch == epoch_ && left.dataset == range.dataset && left.address == range.address &&
           left.nbytes == range.nbytes;
  }

 private:
  using Mark = std::atomic<std::uint64_t>;  // an epoch, and behind it a count of bytes
  static constexpr int kCountBits = 13;
  static_assert(kPageBytes + 1 < std::uint64_t{1} << kCountBits);

  // As of Sound.
  struct Note {
    std::uint64_t epoch;
    std::uint64_t dataset;
    std::uint64_t address;
    std::uint64_t nbytes;
  };

  static_assert(2 * kSlotBytes + 2 * kPagesASlot * sizeof(Mark) + kPagesASlot * sizeof(Note) <=
                NodeMemory::kRoomBytes);

  std::uint64_t nbytes() const { return ranks() * kSlotBytes; }
  std::uint64_t ranks() const { return static_cast<std::uint64_t>(memory_->size()); }
  std::uint64_t pages() const { return ranks() * kPagesASlot; }
  std::uint64_t page_of(std::uint64_t address) const { return (address - begin_) / kPageBytes; }

  Mark& mark(std::uint64_t address) const {
    auto* marks = reinterpret_cast<Mark*>(memory_->room() + 2 * nbytes());
    return marks[moves_ % 2 * pages() + page_of(address)];
  }

  Note& note(std::uint64_t address) const {
    auto* notes = memory_->room() + 2 * nbytes() + 2 * pages() * sizeof(Mark);
    return reinterpret_cast<Note*>(notes)[page_of(address)];
  }

  const NodeMemory* memory_;
  std::uint64_t begin_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t moves_ = 0;
};

}  // namespace h5dcp
