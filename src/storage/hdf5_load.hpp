// A load in progress.

#pragma once

#include "h5dcp/hdf5.hpp"
#include "storage/index.hpp"
#include "storage/posix_file.hpp"

namespace h5dcp {

struct Hdf5Reader::Load {
  Index index;
  PosixFile file;
  CollectiveCalls calls;
};

}  // namespace h5dcp
