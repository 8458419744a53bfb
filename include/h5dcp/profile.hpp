// Profiles: the options that suit a file system, in a file. `h5dcp tune` writes them: docs/tune.md.

#pragma once

#include <string>

#include "h5dcp/hdf5.hpp"

namespace h5dcp {

// What the profile at `path` says, and the default of each option that it does not name.
// Rank-local; one file is read.
//
// Throws Error{not_found}, Error{io} if it cannot be read; Error{invalid_argument}, which names the
// file, the key and what is allowed, if it is no profile.
Hdf5Options options_from_profile(const std::string& path);

// The profile that says `options`, JSON: all of them but `overwrite`, `filters` and `checksums`,
// which are not for the file system to choose.
std::string profile_of(const Hdf5Options& options);

}  // namespace h5dcp
