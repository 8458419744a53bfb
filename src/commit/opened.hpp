// What an open CheckpointFile holds.

#pragma once

#include <string>

#include "h5dcp/checkpoint_file.hpp"
#include "storage/index.hpp"
#include "storage/posix_file.hpp"

namespace h5dcp {

struct Opened {
  PosixFile file;
  Index index;
};

// Throws as CheckpointFile does; names the file.
Opened open_checkpoint(const std::string& path);

struct CheckpointFile::Impl : Opened {};

}  // namespace h5dcp
