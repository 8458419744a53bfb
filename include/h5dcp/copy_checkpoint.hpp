// Copying and moving checkpoints, with all of their files. In one process.

#pragma once

#include <string>

#include "h5dcp/hdf5.hpp"

namespace h5dcp {

// Makes `to` a checkpoint with the content of `from`, durably and in one step, as a save does:
// until it is whole, what was at `to` stays. Data files are copied to a folder of its own. What is
// copied is not verified, but for the index. Rank-local.
//
// Throws Error{not_found}, Error{corrupt} if `from` is no checkpoint, or a data file is not what it
// was; Error{invalid_argument} if `to` exists and may not be replaced, or is `from`;
// Error{unsupported} for Overwrite::refuse on a file system that offers no way to be sure;
// Error{io}.
void copy_checkpoint(const std::string& from, const std::string& to,
                     Overwrite overwrite = Overwrite::refuse);

// The same, then `from` is gone. At every moment one of the two is a whole checkpoint. On one file
// system nothing large is copied: data files get a second name first. What is moved is brought to
// the disk first, whoever made it. Rank-local.
//
// Throws the same, and Error{invalid_argument} if `from` is a link.
void move_checkpoint(const std::string& from, const std::string& to,
                     Overwrite overwrite = Overwrite::refuse);

}  // namespace h5dcp
