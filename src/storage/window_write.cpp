#include "storage/window_write.hpp"

#include <algorithm>
#include <cstring>

#include "base/context.hpp"

namespace h5dcp {

void WindowWrite::run() {
  window_.clear_all_marks();
  auto least = session_.sync(next_address());
  while (least && *least != NodeSession::kNone) {
    window_.move_to(*least);
    fill();
    least = session_.sync(next_address());  // now all of the window is there
    if (!least) return;
    window_.clear_marks(1);
    with_late_context([this] { return what_is_here(); }, [this] { flush(); });
  }
}

// Of this rank's next range.
std::uint64_t WindowWrite::next_address() {
  for (; next_ < order_.size(); ++next_) {
    if (!walk_) walk_.emplace(pieces_[order_[next_]]);
    if (!walk_->at_end()) return walk_->address();
    walk_.reset();
    packed_ = nullptr;
  }
  return NodeSession::kNone;
}

void WindowWrite::fill() {
  fragments_.clear();
  first_piece_.reset();
  for (auto address = next_address(); address < window_.end(); address = next_address()) {
    const auto piece = order_[next_];
    if (!first_piece_) first_piece_ = piece;
    if (packed_ == nullptr) packed_ = static_cast<const std::byte*>(data_(piece));
    const auto nbytes = std::min(walk_->nbytes(), window_.end() - address);
    put(address, packed_ + walk_->offset(), nbytes);
    walk_->take(nbytes);
  }
}

void WindowWrite::put(std::uint64_t address, const std::byte* from, std::uint64_t nbytes) {
  std::memcpy(window_.at(address), from, nbytes);
  while (nbytes > 0) {
    const auto in_page = std::min(nbytes, Window::kPageBytes - address % Window::kPageBytes);
    window_.mark(address).fetch_add(static_cast<std::uint32_t>(in_page), std::memory_order_relaxed);
    if (in_page < Window::kPageBytes) fragments_.push_back({address, in_page});
    address += in_page;
    nbytes -= in_page;
  }
}

void WindowWrite::flush() const {
  const auto is_full = [this](std::uint64_t address) {
    return window_.mark(address).load(std::memory_order_relaxed) == Window::kPageBytes;
  };
  const auto end = window_.slot_begin() + Window::kSlotBytes;
  for (auto first = window_.slot_begin(); first < end;) {
    auto last = first;
    while (last < end && is_full(last)) last += Window::kPageBytes;
    if (last > first) {
      file_.write(window_.at(first), last - first, first);
      file_.begin_sync(last - first, first);
    }
    first = std::max(last, first + Window::kPageBytes);
  }
  for (const auto& fragment : fragments_) {
    if (!is_full(fragment.address)) {
      file_.write(window_.at(fragment.address), fragment.nbytes, fragment.address);
    }
  }
}

// A range has parts of many pieces, also of other ranks'.
std::string WindowWrite::what_is_here() const {
  if (!first_piece_) return "write for other ranks of the node";
  return "write " + describe_(*first_piece_) + " and what is near it";
}

}  // namespace h5dcp
