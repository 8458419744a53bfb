// A load in progress.

#pragma once

#include "h5dcp/hdf5.hpp"
#include "storage/checkpoint_files.hpp"
#include "storage/index.hpp"

namespace h5dcp {

struct Hdf5Reader::Load {
  Index index;
  CheckpointFiles files;
  CollectiveCalls calls;
};

}  // namespace h5dcp
