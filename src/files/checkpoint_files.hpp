// The open files of a checkpoint: itself, and its data files, each opened when it is needed.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "files/file_pool.hpp"
#include "files/posix_file.hpp"
#include "layout/record.hpp"

namespace h5dcp {

// How often a checkpoint is opened anew that is replaced while it is opened. Each time that takes
// another save, which takes longer than to open what it made.
inline constexpr int kMostOpenings = 100;

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
  // complete and belongs to the checkpoint. Data files that were used long ago may be closed, as
  // FilePool does, but none that is still kept; the checkpoint itself must outlive what is
  // returned.
  //
  // Throws Error{corrupt}, which names the file: it is missing, damaged, cut, of another checkpoint
  // or save; Error{io}, also if it went when the checkpoint was replaced.
  std::shared_ptr<const PosixFile> at(std::uint32_t number) const;

  // Whether another file, or none, has the name of the checkpoint by now.
  bool is_replaced() const;

  // Opens these data files, of which the first are kept open as far as FilePool keeps them: so they
  // can be read even if the checkpoint is replaced, and they with it. False if the checkpoint has
  // been replaced already and one of them cannot be opened. What else is wrong with one, at() says.
  bool open_ahead(const std::vector<std::uint32_t>& numbers) const;

  // The record of a data file. Throws as at().
  Record record_of(std::uint32_t number) const;

  // The path of a data file, by that of the checkpoint.
  std::string path_of(std::uint32_t number) const;

  // Brings to the disk what was written to any of the files. Throws Error{io}.
  void sync() const;

 private:
  std::shared_ptr<const DataFile> data_file(std::uint32_t number) const;
  DataFile open(std::uint32_t number) const;

  PosixFile own_;
  PosixFile::Mode mode_ = PosixFile::Mode::read;
  std::uint64_t generation_ = 0;
  std::uint32_t data_files_ = 0;
  std::string folder_;
  std::unique_ptr<FilePool> data_;
};

// The folder of data files of the checkpoint at `path`. If that is a link, it is beside what it
// leads to.
std::string data_folder_of(const std::string& path, const std::string& name);

}  // namespace h5dcp
