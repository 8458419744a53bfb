#include "storage/window_write.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/context.hpp"

namespace h5dcp {

void WindowWrite::run() {
  const bool writes_first = session_.memory().rank() % 2 == 0;
  window_.clear_all_marks();
  auto next = session_.sync(next_address());
  Filled filled{.window = window_, .fragments = {}, .first_piece = {}};
  if (next && *next != NodeSession::kNone) filled = fill(*next);
  while (next && *next != NodeSession::kNone) {
    next = session_.sync(next_address());  // now all of the window is there
    if (!next) return;
    const Filled now =
        std::exchange(filled, {.window = window_, .fragments = {}, .first_piece = {}});
    now.window.clear_marks(1);
    if (writes_first) flush(now);
    if (*next != NodeSession::kNone) filled = fill(*next);
    if (!writes_first) flush(now);
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

WindowWrite::Filled WindowWrite::fill(std::uint64_t from) {
  window_.move_to(from);
  Filled filled{.window = window_, .fragments = {}, .first_piece = {}};
  for (auto address = next_address(); address < window_.end(); address = next_address()) {
    const auto piece = order_[next_];
    if (!filled.first_piece) filled.first_piece = piece;
    if (packed_ == nullptr) packed_ = static_cast<const std::byte*>(data_(piece));
    const auto nbytes = std::min(walk_->nbytes(), window_.end() - address);
    put(address, packed_ + walk_->offset(), nbytes, filled.fragments);
    walk_->take(nbytes);
  }
  return filled;
}

void WindowWrite::put(std::uint64_t address, const std::byte* from, std::uint64_t nbytes,
                      std::vector<Fragment>& fragments) {
  std::memcpy(window_.at(address), from, nbytes);
  while (nbytes > 0) {
    const auto in_page = std::min(nbytes, Window::kPageBytes - address % Window::kPageBytes);
    window_.mark(address).fetch_add(static_cast<std::uint32_t>(in_page), std::memory_order_relaxed);
    if (in_page < Window::kPageBytes) fragments.push_back({address, in_page});
    address += in_page;
    nbytes -= in_page;
  }
}

void WindowWrite::flush(const Filled& filled) const {
  with_late_context([&] { return what_is_in(filled); }, [&] { write(filled); });
}

void WindowWrite::write(const Filled& filled) const {
  const auto& window = filled.window;
  const auto is_full = [&window](std::uint64_t address) {
    return window.mark(address).load(std::memory_order_relaxed) == Window::kPageBytes;
  };
  const auto end = window.slot_begin() + Window::kSlotBytes;
  for (auto first = window.slot_begin(); first < end;) {
    auto last = first;
    while (last < end && is_full(last)) last += Window::kPageBytes;
    if (last > first) {
      file_.write(window.at(first), last - first, first);
      file_.begin_sync(last - first, first);
    }
    first = std::max(last, first + Window::kPageBytes);
  }
  for (const auto& fragment : filled.fragments) {
    if (!is_full(fragment.address)) {
      file_.write(window.at(fragment.address), fragment.nbytes, fragment.address);
    }
  }
}

// A range has parts of many pieces, also of other ranks'.
std::string WindowWrite::what_is_in(const Filled& filled) const {
  if (!filled.first_piece) return "write for other ranks of the node";
  return "write " + describe_(*filled.first_piece) + " and what is near it";
}

}  // namespace h5dcp
