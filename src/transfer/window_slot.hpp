// From ranges in a window to the calls that write a slot of it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "files/posix_file.hpp"
#include "transfer/window.hpp"

namespace h5dcp {

// A range in the window that does not fill its page.
struct Fragment {
  std::uint64_t address;
  std::uint64_t nbytes;
};

// Copies a range of the file into the window, and page by page marks how much of it there is; what
// does not fill a page is added to `fragments`.
void put(const Window& window, std::uint64_t address, const std::byte* from, std::uint64_t nbytes,
         std::vector<Fragment>& fragments);

// Writes the pages of this rank's slot that are full, and those of the fragments whose pages are
// not. All that is in the window must be there. Throws Error{io}.
void write_slot(const Window& window, const std::vector<Fragment>& fragments,
                const PosixFile& file);

}  // namespace h5dcp
