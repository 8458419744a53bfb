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

// Opens the data files, too, as many as can be open at once: then it matters to none of these
// whether the checkpoint is replaced later. If that happens now, opens the new one.
//
// Throws as CheckpointFile does; names the file.
Opened open_checkpoint(const std::string& path);

struct CheckpointFile::Impl : Opened {};

}  // namespace h5dcp
