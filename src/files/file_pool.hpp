// Some of the data files of a checkpoint, open: as many as a process can spare descriptors for.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>

#include "files/posix_file.hpp"
#include "layout/record.hpp"

namespace h5dcp {

struct DataFile {
  PosixFile file;
  Record record;
};

// How many files a pool may hold open in this process: an eighth of its descriptors (the soft limit
// RLIMIT_NOFILE, which stays as it is). The rest is for the application, MPI and HDF5, and for a
// second checkpoint that is open at the same time.
std::size_t most_pooled_files();

// Data files by their numbers. When one more is opened than the pool may hold, it closes the one
// that was used longest ago, but none that somebody is using. May be used by several threads at
// once.
class FilePool {
 public:
  // A pool of files that are written brings each to the disk (fsync) before it closes it: no error
  // of an earlier write is lost with the descriptor.
  explicit FilePool(PosixFile::Mode mode, std::size_t most = most_pooled_files())
      : is_written_(mode != PosixFile::Mode::read), most_(most) {}

  // Data file `number`, which `open` opens if the pool does not have it. The file stays open as
  // long as the caller keeps what is returned.
  //
  // Throws what `open` does; Error{io} if another file, which is to be closed, cannot be brought to
  // the disk.
  std::shared_ptr<const DataFile> get(std::uint32_t number, const std::function<DataFile()>& open);

  // How many more files the pool can open before it closes one.
  std::size_t room() const;

  // Brings to the disk what was written to the files that are open. Those that the pool has closed
  // are on the disk already. Throws Error{io}.
  void sync() const;

  // Closes all, without that: for a save that has ended or failed.
  void clear();

 private:
  struct Held {
    std::uint32_t number;
    std::shared_ptr<const DataFile> file;
  };

  void make_room();

  bool is_written_;
  std::size_t most_;
  mutable std::mutex mutex_;
  std::list<Held> held_;  // the one that was used last comes first
  std::map<std::uint32_t, std::list<Held>::iterator> by_number_;
};

}  // namespace h5dcp
