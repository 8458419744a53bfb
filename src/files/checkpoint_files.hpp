// The open files of a checkpoint: itself, and its data files, each opened when it is first needed.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "files/posix_file.hpp"
#include "layout/record.hpp"

namespace h5dcp {

// May be used by several threads at once, but for expect() and sync().
class CheckpointFiles {
 public:
  CheckpointFiles() = default;
  // `mode` is how data files are opened.
  explicit CheckpointFiles(PosixFile own, PosixFile::Mode mode = PosixFile::Mode::read);

  // The checkpoint itself.
  const PosixFile& own() const { return own_; }

  // Which data files there are, by the record of the checkpoint.
  void expect(const Record& record);

  // How many of these.
  std::uint32_t data_files() const { return data_files_; }

  // Data file `number`, or the checkpoint itself: 0. Checks what it opens: that the file is
  // complete and belongs to the checkpoint.
  //
  // Throws Error{corrupt}, which names the file: it is missing, damaged, cut, of another checkpoint
  // or save; Error{io}.
  const PosixFile& at(std::uint32_t number) const;

  // The record of a data file. Throws as at().
  const Record& record_of(std::uint32_t number) const;

  // The path of a data file, by that of the checkpoint.
  std::string path_of(std::uint32_t number) const;

  // Brings to the disk what was written to those files that are open. Throws Error{io}.
  void sync() const;

 private:
  struct DataFile {
    PosixFile file;
    Record record;
  };
  struct Opened {
    std::mutex mutex;
    std::map<std::uint32_t, DataFile> files;
  };

  const DataFile& data_file(std::uint32_t number) const;
  DataFile open(std::uint32_t number) const;

  PosixFile own_;
  PosixFile::Mode mode_ = PosixFile::Mode::read;
  std::uint64_t generation_ = 0;
  std::uint32_t data_files_ = 0;
  std::string folder_;
  std::unique_ptr<Opened> opened_;
};

// The folder of data files of the checkpoint at `path`. If that is a link, it is beside what it
// leads to.
std::string data_folder_of(const std::string& path, const std::string& name);

}  // namespace h5dcp
