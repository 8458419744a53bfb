#include "transfer/window_slot.hpp"

#include <algorithm>
#include <cstring>

namespace h5dcp {

void put(const Window& window, std::uint64_t address, const std::byte* from, std::uint64_t nbytes,
         std::vector<Fragment>& fragments) {
  std::memcpy(window.at(address), from, nbytes);
  while (nbytes > 0) {
    const auto in_page = std::min(nbytes, Window::kPageBytes - address % Window::kPageBytes);
    window.count(address, in_page);
    if (in_page < Window::kPageBytes) fragments.push_back({address, in_page});
    address += in_page;
    nbytes -= in_page;
  }
}

void write_slot(const Window& window, const std::vector<Fragment>& fragments,
                const PosixFile& file) {
  const auto end = window.slot_begin() + Window::kSlotBytes;
  for (auto first = window.slot_begin(); first < end;) {
    auto last = first;
    while (last < end && window.is_full(last)) last += Window::kPageBytes;
    if (last > first) {
      file.write(window.at(first), last - first, first);
      file.begin_sync(last - first, first);
    }
    first = std::max(last, first + Window::kPageBytes);
  }
  for (const auto& fragment : fragments) {
    if (!window.is_full(fragment.address)) {
      file.write(window.at(fragment.address), fragment.nbytes, fragment.address);
    }
  }
}

}  // namespace h5dcp
