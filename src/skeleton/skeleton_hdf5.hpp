// The skeleton as HDF5 makes it: the reference for the other maker, and for what that cannot do.

#pragma once

#include <string>
#include <vector>

#include "files/posix_file.hpp"
#include "skeleton/skeleton_objects.hpp"

namespace h5dcp {

// All groups, datasets and attributes, in `draft`: a file with holes in place of the data. `path`
// is there, and what is in it afterwards means nothing. `items` is how long each table is.
//
// Throws Error{io}: "create '<path>': ...".
ObjectPlaces make_with_hdf5(const std::string& path, PosixFile& draft,
                            const std::vector<SkeletonEntry>& entries, const OfTables& items,
                            const std::string& data_folder);

}  // namespace h5dcp
