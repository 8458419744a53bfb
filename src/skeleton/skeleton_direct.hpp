// The skeleton as we make it, byte by byte, without HDF5's 25 us a dataset: src/hdf5_format/.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "skeleton/skeleton_objects.hpp"

namespace h5dcp {

struct DirectSkeleton {
  ObjectPlaces places;
  // Makes all that is not data, from the superblock on, a part behind the other; while `entries`
  // are there.
  std::function<void(const PutBytes&)> put_metadata;
};

// All groups, datasets and attributes. Data files are in `data_folder`. `items` is how long each
// table is. What is_aligned() is so to `alignment`, a multiple of kPage. nullopt if there is
// something that HDF5 must make, or refuse: two entries of one name, or one so long that an object
// header has no room for it.
//
// Throws Error{unsupported} if HDF5 lacks a filter, Error{io}: "create '<path>': ...".
std::optional<DirectSkeleton> make_directly(const std::string& path,
                                            const std::vector<SkeletonEntry>& entries,
                                            const OfTables& items, const std::string& data_folder,
                                            std::uint64_t alignment);

}  // namespace h5dcp
