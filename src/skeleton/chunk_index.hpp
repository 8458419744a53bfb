// HDF5's own index of the chunks of filtered tensors.

#pragma once

#include <string>

#include "files/posix_file.hpp"
#include "layout/record.hpp"
#include "skeleton/skeleton_image.hpp"

namespace h5dcp {

// Once all ranks have written: tells HDF5 where the chunks are that the index of the checkpoint
// names, and writes what becomes of its metadata to `file`, of which `image` is what was there
// before. record.file_bytes and the digests of the segments become those of the whole file.
//
// Throws Error{io}: "index the chunks of '<path>': ...", Error{corrupt}.
void index_chunks(const PosixFile& file, const SkeletonImage& image, Record& record);

}  // namespace h5dcp
