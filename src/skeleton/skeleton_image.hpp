// What is in the file before there are data in it, but for the record.

#pragma once

#include <cstdint>
#include <vector>

#include "files/posix_file.hpp"
#include "h5dcp/bytes.hpp"
#include "layout/record.hpp"

namespace h5dcp {

// Bytes of a file.
struct FileBytes {
  std::uint64_t address = 0;
  Bytes bytes;
};

// HDF5's metadata and the tables of names and shapes. They depend on the entries and the number of
// ranks alone.
using SkeletonImage = std::vector<FileBytes>;

// What HDF5 has made in `draft`, in the ranges `others`. Padding is left out: a new file reads as
// zeros.
SkeletonImage image_of(const PosixFile& draft, const std::vector<Range>& others);

// Throws Error{io}.
void write_image(const PosixFile& file, const SkeletonImage& image);

}  // namespace h5dcp
