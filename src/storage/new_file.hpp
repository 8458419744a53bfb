// How the files of a checkpoint are made, as far as the file system lets one choose.

#pragma once

#include <cstdint>

#include "storage/posix_file.hpp"

namespace h5dcp {

struct FilePlacement {
  std::uint64_t alignment = 0;  // of large data: see Hdf5Options
};

// What large data in `file` are aligned to: a multiple of kPage. Throws Error{io}.
std::uint64_t alignment_in(const PosixFile& file, const FilePlacement& placement);

}  // namespace h5dcp
