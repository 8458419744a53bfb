// A save in progress, as the writer's methods in storage and commit share it.

#pragma once

#include <cstdint>
#include <string>

#include "h5dcp/hdf5.hpp"
#include "layout/record.hpp"
#include "storage/posix_file.hpp"

namespace h5dcp {

struct Hdf5Writer::Save {
  bool is_coordinator = false;
  std::string partial;  // the file's name until it is committed
  Record record;        // rank 0 has all of it, the others the generation, sizes and tables
  PosixFile file;       // opened before the first write, so that fsync hears of every failed one
  CollectiveCalls calls;

  // What this rank wrote.
  std::uint64_t chunks_written = 0;
  std::uint64_t bytes_written = 0;  // of tensors and values, slots whole
  std::uint64_t digest_sum = 0;     // of the rows of `chunks`
};

}  // namespace h5dcp
