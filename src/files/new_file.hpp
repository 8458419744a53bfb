// How the files of a checkpoint are made, as far as the file system lets one choose.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "files/access.hpp"
#include "files/posix_file.hpp"
#include "h5dcp/striping.hpp"

namespace h5dcp {

struct FilePlacement {
  std::uint64_t alignment = 0;  // of large data: see Hdf5Options
  Striping striping = {};
  // Told why a file has not the stripes that it should have; it is made all the same.
  std::function<void(const std::string&)> refused = nullptr;
  mode_t mode = 0666;                 // of which the umask takes its part ...
  std::optional<Access> access = {};  // ... unless this is given: that of what is replaced
};

// Makes the file, which must not exist, and returns it empty. While it is written, its owner may
// read and write it in any case. Leaves nothing if it fails. Throws as PosixFile.
PosixFile make_file(const std::string& path, const FilePlacement& placement);

// What large data in `file` are aligned to: a multiple of kPage. Throws Error{io}.
std::uint64_t alignment_in(const PosixFile& file, const FilePlacement& placement);

}  // namespace h5dcp
