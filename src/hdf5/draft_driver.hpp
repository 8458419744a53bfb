// A driver of HDF5 for files whose raw data are in place already: HDF5 reads and writes its own
// metadata in a draft in memory, and is told where in the file the raw data are.

#pragma once

#include <cstdint>

#include "files/posix_file.hpp"
#include "hdf5/id.hpp"

namespace h5dcp {

struct Draft {
  PosixFile metadata;            // of the file, at their addresses; holes in place of the data
  std::uint64_t file_bytes = 0;  // grows by what HDF5 adds, which comes behind
  std::uint64_t next_chunk = 0;  // where the chunk is that H5Dwrite_chunk is called for next
};

// A file access property list with which H5Fopen opens `draft`, whatever file it names; `draft`
// must outlive the file.
//
// Chunks given to H5Dwrite_chunk get the address next_chunk, and are not looked at.
hdf5::PropertyList draft_access(Draft& draft);

}  // namespace h5dcp
