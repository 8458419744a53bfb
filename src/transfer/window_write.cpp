#include "transfer/window_write.hpp"

#include <utility>

#include "base/context.hpp"

namespace h5dcp {

void WindowWrite::run() {
  const bool writes_first = session_.memory().rank() % 2 == 0;
  auto next = session_.sync(walk_.next_address());
  Filled filled{.window = window_, .fragments = {}, .first_piece = {}};
  if (next && *next != NodeSession::kNone) filled = fill(*next);
  while (next && *next != NodeSession::kNone) {
    next = session_.sync(walk_.next_address());  // now all of the window is there
    if (!next) return;
    const Filled now =
        std::exchange(filled, {.window = window_, .fragments = {}, .first_piece = {}});
    if (writes_first) flush(now);
    if (*next != NodeSession::kNone) filled = fill(*next);
    if (!writes_first) flush(now);
  }
}

WindowWrite::Filled WindowWrite::fill(std::uint64_t from) {
  window_.move_to(from, session_.epoch());
  Filled filled{.window = window_, .fragments = {}, .first_piece = {}};
  if (walk_.next_address() < window_.end()) filled.first_piece = walk_.next_piece();
  walk_.go_to(window_.end(),
              [&](std::uint64_t address, const std::byte* from_piece, std::uint64_t nbytes) {
                put(window_, address, from_piece, nbytes, filled.fragments);
              });
  return filled;
}

void WindowWrite::flush(const Filled& filled) const {
  with_late_context([&] { return what_is_in(filled); },
                    [&] { write_slot(filled.window, filled.fragments, file_); });
}

// A range has parts of many pieces, also of other ranks'.
std::string WindowWrite::what_is_in(const Filled& filled) const {
  if (!filled.first_piece) return "write for other ranks of the node";
  return "write " + describe_(*filled.first_piece) + " and what is near it";
}

}  // namespace h5dcp
