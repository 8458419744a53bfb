#include "transfer/window_read.hpp"

#include <algorithm>
#include <cstring>

#include "base/context.hpp"

namespace h5dcp {
void WindowRead::run() {
  auto least = session_.sync(next_address());
  while (least && *least != NodeSession::kNone) {
    window_.move_to(*least, session_.epoch());
    want();
    least = session_.sync(next_address());
    if (!least) return;
    fetch();
    check_own();
    if (!session_.sync(NodeSession::kNone)) return;
    take();
  }
}

// Of this rank's next range.
std::uint64_t WindowRead::next_address() {
  std::uint64_t least = NodeSession::kNone;
  if (next_range_ < ranges_.size()) least = std::max(ranges_[next_range_].address, marked_to_);
  for (const auto& open : open_) least = std::min(least, open.walk.address());
  for (; next_ < order_.size(); ++next_) {
    const PieceWalk walk(pieces_[order_[next_]]);
    if (!walk.at_end()) return std::min(least, walk.address());
  }
  return least;
}

void WindowRead::want() {
  copies_.clear();
  wholes_.clear();
  want_ranges();
  for (auto& open : open_) want_of(open);
  std::erase_if(open_, [](const Open& open) { return open.walk.at_end(); });
  for (; next_ < order_.size(); ++next_) {
    const auto piece = order_[next_];
    Open open{piece, PieceWalk(pieces_[piece]), nullptr};
    if (open.walk.at_end()) continue;
    const Whole whole{piece, open.walk.address(), open.walk.nbytes()};
    if (whole.address >= window_.end()) return;
    if (whole.address + whole.nbytes <= window_.end() && whole.nbytes == bytes_of(pieces_[piece])) {
      mark(whole.address, whole.nbytes);
      wholes_.push_back(whole);
      continue;
    }
    open.packed = static_cast<std::byte*>(
        with_late_context([&] { return "read " + receiver_.describe(piece); },
                          [&] { return receiver_.into(piece); }));
    want_of(open);
    if (!open.walk.at_end()) open_.push_back(open);
  }
}

// What is in the window of a piece.
void WindowRead::want_of(Open& open) {
  while (!open.walk.at_end() && open.walk.address() < window_.end()) {
    const auto address = open.walk.address();
    const auto nbytes = std::min(open.walk.nbytes(), window_.end() - address);
    auto* to = open.packed + open.walk.offset();
    open.walk.take(nbytes);
    copies_.push_back(
        {address, nbytes, to, open.packed, open.walk.at_end() ? open.piece : kNoPiece});
    mark(address, nbytes);
  }
}

Range WindowRead::in_window(const Range& range) const {
  const auto begin = std::max(range.address, window_.begin());
  return {begin, std::min(range.address + range.nbytes, window_.end()) - begin};
}

void WindowRead::want_ranges() {
  first_range_ = next_range_;
  for (; next_range_ < ranges_.size(); ++next_range_) {
    const auto& range = ranges_[next_range_];
    if (range.address >= window_.end()) return;
    const auto part = in_window(range);
    mark(part.address, part.nbytes);
    marked_to_ = part.address + part.nbytes;
    if (marked_to_ < range.address + range.nbytes) return;
  }
}

void WindowRead::mark(std::uint64_t address, std::uint64_t nbytes) const {
  const auto first = address / Window::kPageBytes * Window::kPageBytes;
  for (auto page = first; page < address + nbytes; page += Window::kPageBytes) {
    window_.want(page);
  }
}

void WindowRead::fetch() const {
  const auto end = window_.slot_begin() + Window::kSlotBytes;
  for (auto first = window_.slot_begin(); first < end;) {
    auto last = first;
    while (last < end && window_.is_wanted(last)) last += Window::kPageBytes;
    if (last > first) {
      // A page may reach beyond the end, but not begin there: then reading says so.
      const auto stop = std::max(std::min(last, file_bytes_), first + 1);
      file_.read(window_.at(first), stop - first, first);
    }
    first = std::max(last, first + Window::kPageBytes);
  }
}

// While what was read is in this rank's cache.
void WindowRead::check_own() const {
  if (shared_.empty()) return;
  const auto end = window_.slot_begin() + Window::kSlotBytes;
  for (const auto& [piece, address, nbytes] : wholes_) {
    if (address < window_.slot_begin() || address + nbytes > end || !shared_[piece]) continue;
    if (receiver_.check(piece, window_.at(address))) {
      window_.leave_note({pieces_[piece].target.number, address, nbytes});
    }
  }
}

void WindowRead::take_ranges() {
  for (auto i = first_range_; i < ranges_.size() && ranges_[i].address < window_.end(); ++i) {
    const auto& range = ranges_[i];
    const auto part = in_window(range);
    if (part.nbytes == range.nbytes) {
      receiver_.took_range(i, window_.at(range.address));
      continue;
    }
    broken_.resize(range.nbytes);
    std::memcpy(broken_.data() + (part.address - range.address), window_.at(part.address),
                part.nbytes);
    if (i < next_range_) receiver_.took_range(i, broken_.data());
  }
}

void WindowRead::take() {
  take_ranges();
  for (const auto& copy : copies_) {
    std::memcpy(copy.to, window_.at(copy.address), copy.nbytes);
    if (copy.completes != kNoPiece) receiver_.took(copy.completes, copy.packed, false);
  }
  for (const auto& [piece, address, nbytes] : wholes_) {
    const bool checked = window_.has_note({pieces_[piece].target.number, address, nbytes});
    receiver_.took(piece, window_.at(address), checked);
  }
}

}  // namespace h5dcp
