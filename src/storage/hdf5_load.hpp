// A load in progress.

#pragma once

#include "files/checkpoint_files.hpp"
#include "files/index.hpp"
#include "h5dcp/hdf5.hpp"

namespace h5dcp {

struct Hdf5Reader::Load {
  Index index;
  CheckpointFiles files;
  CollectiveCalls calls;
};

}  // namespace h5dcp
