// How the files of a checkpoint are made, as far as the file system lets one choose.

#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "files/posix_file.hpp"
#include "h5dcp/striping.hpp"

namespace h5dcp {

struct FilePlacement {
  std::uint64_t alignment = 0;  // of large data: see Hdf5Options
  Striping striping = {};
  // Told why a file has not the stripes that it should have; it is made all the same.
  std::function<void(const std::string&)> refused = nullptr;
};

// The file, which must not exist, empty. Throws as PosixFile.
PosixFile make_file(const std::string& path, const FilePlacement& placement);

// What large data in `file` are aligned to: a multiple of kPage. Throws Error{io}.
std::uint64_t alignment_in(const PosixFile& file, const FilePlacement& placement);

}  // namespace h5dcp
