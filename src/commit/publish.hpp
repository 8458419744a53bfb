// How a whole file becomes the checkpoint of its name.

#pragma once

#include <string>

#include "files/posix_file.hpp"
#include "h5dcp/hdf5.hpp"

namespace h5dcp {

// Gives `partial`, which `file` has open, the name `path`, in one step. What was there is replaced,
// if it may be.
//
// Throws Error{invalid_argument} if there is something and it may not be replaced, Error{io}.
void take_name(const std::string& partial, const std::string& path, const PosixFile& file,
               Overwrite overwrite);

// Makes that durable, and removes the folder `replaced` of data files, if it is not empty, that
// what was there had. Throws Error{io}, which says that the file has its name nevertheless.
void settle_name(const std::string& path, const std::string& replaced);

}  // namespace h5dcp
