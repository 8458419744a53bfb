// What an open CheckpointFile holds.

#pragma once

#include <string>

#include "files/checkpoint_files.hpp"
#include "files/index.hpp"
#include "h5dcp/checkpoint_file.hpp"

namespace h5dcp {

struct Opened {
  CheckpointFiles files;
  Index index;
};

// Throws as CheckpointFile does; names the file.
Opened open_checkpoint(const std::string& path);

struct CheckpointFile::Impl : Opened {};

}  // namespace h5dcp
