// How a whole file becomes the checkpoint of its name.

#pragma once

#include <string>

#include "files/posix_file.hpp"
#include "files/removal.hpp"
#include "files/unfinished.hpp"
#include "h5dcp/hdf5.hpp"

namespace h5dcp {

// Gives the file that `made` has the name `path`, in one step. What was there is replaced, if it
// may be. Then `made` keeps what it made; also if nobody can tell whether the file has its name.
//
// Throws Error{invalid_argument} if there is something and it may not be replaced, Error{io}.
void take_name(Unfinished& made, const std::string& path, Overwrite overwrite);

// The same for the checkpoint `file`, which has the name `from`. Nothing of it is removed in any
// case.
void move_name(const std::string& from, const std::string& path, const PosixFile& file,
               Overwrite overwrite);

// Makes that durable, then removes what was `replaced`. Throws Error{io}, which says that the file
// has its name nevertheless; then nothing is removed.
void settle_name(const std::string& path, Removal replaced);

}  // namespace h5dcp
