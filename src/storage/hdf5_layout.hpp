// What a save leaves for those that repeat it.

#pragma once

#include <cstdint>

#include "h5dcp/storage.hpp"
#include "layout/record.hpp"
#include "skeleton/skeleton.hpp"

namespace h5dcp {

struct Hdf5Layout : StoredLayout {
  Record record;            // of the first save; the coordinator has all of it, as Hdf5Writer::Save
  SkeletonImage image;      // on the coordinator
  bool exchanges = false;   // as Hdf5Writer::Save
  std::uint64_t saves = 0;  // begun since the first one, on all ranks

  // The generation of the next save, which all ranks must know without a message: it is the name of
  // the file. The first was random, so that no other job comes to the same.
  std::uint64_t next_id() const override;
};

}  // namespace h5dcp
