// What an open CheckpointFile holds.

#pragma once

#include "h5dcp/checkpoint_file.hpp"
#include "storage/index.hpp"
#include "storage/posix_file.hpp"

namespace h5dcp {

struct CheckpointFile::Impl {
  PosixFile file;
  Index index;
};

}  // namespace h5dcp
