// Digests of what is neither data nor index: HDF5's own metadata and the padding between things.

#pragma once

#include <cstdint>
#include <vector>

#include "layout/record.hpp"
#include "storage/index.hpp"
#include "storage/posix_file.hpp"
#include "storage/skeleton_image.hpp"

namespace h5dcp {

// The bytes of a file that no tensor, no table and not the commit record covers, ascending.
std::vector<Range> other_bytes(const Index& index);

// The same of its data file `number`, of so many bytes.
std::vector<Range> other_bytes(const Index& index, std::uint32_t number, std::uint64_t file_bytes);

// The bytes of a file that are in none of the ranges `known`, nor in its record; ascending.
std::vector<Range> other_bytes(std::vector<Range> known, std::uint64_t file_bytes);

// Fills in segment_bytes, segments and their digests: the other bytes of a file in which they are
// those of `image`, one after the other, cut into at most kMostSegments equal parts.
void hash_segments(const SkeletonImage& image, const std::vector<Range>& others, Record& record);

// The parts of the other bytes that differ from what the record says; empty if none does.
std::vector<Range> damaged_segments(const PosixFile& file, const std::vector<Range>& others,
                                    const Record& record);

}  // namespace h5dcp
