// What a maker of skeletons is asked for, and answers: the groups, datasets and attributes of a
// file. There are two, skeleton_direct.hpp and skeleton_hdf5.hpp.

#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "hdf5_format/metadata_pieces.hpp"
#include "layout/pages.hpp"
#include "layout/record.hpp"
#include "skeleton/skeleton.hpp"

namespace h5dcp {

// Whether data of so many bytes begin at a multiple of `alignment`, too, if that is larger than
// kPage: where every boundary of their blocks may be one of the file system's, or it takes next to
// no room.
constexpr bool is_aligned(std::uint64_t nbytes, std::uint64_t alignment) {
  return alignment > kPage && nbytes > 0 && (nbytes % alignment == 0 || nbytes / 64 >= alignment);
}

// One number for each table of the index.
using OfTables = std::array<std::uint64_t, kTables>;

// Where the data of the datasets are in the file.
struct ObjectPlaces {
  // 0 if it has no bytes, filters, or is in `blobs`; of chunks of shards, of the first one.
  std::vector<std::uint64_t> entries;
  OfTables tables{};  // 0 if it has no bytes
  std::uint64_t file_bytes = 0;
};

// Takes a part of the file.
using PutBytes = hdf5_format::MetadataPieces::Put;

}  // namespace h5dcp
