// A save in progress, as the writer's methods in storage and commit share it.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "files/checkpoint_files.hpp"
#include "files/posix_file.hpp"
#include "files/unfinished.hpp"
#include "h5dcp/hdf5.hpp"
#include "layout/record.hpp"
#include "storage/hdf5_layout.hpp"
#include "storage/hdf5_work.hpp"

namespace h5dcp {

struct Hdf5Writer::Save {
  bool is_coordinator = false;
  std::string partial;     // the file's name until it is committed
  Record record;           // rank 0 has all of it, the others the generation, sizes and tables
  bool exchanges = false;  // whether write_exchanged() has anything to do on some rank
  std::optional<WriteWork> work;  // of a save that repeats a plan, if it does
  CheckpointFiles files;  // opened before the first write, so that fsync hears of every failed one
  CollectiveCalls calls;
  // On the coordinator: what it made until that is committed, and the data files, as it has written
  // to all.
  std::optional<Unfinished> unfinished;
  FilePool data_files{PosixFile::Mode::create};
  SkeletonImage image;                 // on the coordinator, of a save with filters
  std::shared_ptr<Hdf5Layout> layout;  // to be filled in, if the save may be repeated

  // What this rank wrote: boxes, bytes of tensors and values (slots whole), and the sum of the
  // digests of its rows of `chunks`.
  std::array<std::uint64_t, 3> counts{};
};

}  // namespace h5dcp
