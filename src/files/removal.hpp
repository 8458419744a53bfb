// The only code of the library that deletes anything in a file system: the test `layers` holds
// that.
//
// A Removal is made from proof that what it deletes is ours and that nobody needs it, and looks
// again right before it deletes. What isn't known to be ours stays, and so does the folder that it
// is in.
//
// Files that are ours: an unfinished file has the name `.<checkpoint>.<generation>.partial`. Data
// files have the name `<number>.h5`, in a folder `<checkpoint>.<generation>.data`. All of them
// begin with a record, or with zeros as long as nothing was written there. The record of a data
// file has that number and the generation of the checkpoint that refers to it.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "files/posix_file.hpp"

namespace h5dcp {

class Unfinished;

class Removal {
 public:
  // The removal of nothing.
  Removal() = default;

  // The name `path` of a file that has another name, or whose content is elsewhere. It stays if
  // something else has that name by then.
  static Removal of_name(const std::string& path, FileId file);

  // The file that this process has just made, which must not have existed.
  static Removal of_new(const std::string& path) noexcept;

  // The data files of the checkpoint at `path`, which is about to be replaced or moved. They stay
  // if some checkpoint in the same folder refers to them by then, or the checkpoint has another
  // name.
  static Removal of_data(const std::string& path) noexcept;

  // What this process has made for a checkpoint that is not to be.
  static Removal of_unfinished(const Unfinished& made);

  // What saves to `path` left when they were killed: unfinished files, their data files, and data
  // files to which no checkpoint refers any more. `own` is the unfinished file of this save.
  //
  // The job that writes an unfinished file has it locked, so a file whose lock is held stays.
  // Otherwise it goes if nothing was written for some time by the clock of the file system, as
  // which counts the time at which `own` was made: 10 minutes, or an hour where there are no locks.
  static std::vector<Removal> of_killed_saves(const std::string& path, const Unfinished& own);

  // Deletes what may be deleted. Returns what is gone. What cannot be deleted stays for a later
  // save.
  std::vector<std::string> carry_out() noexcept;

 private:
  void remove_data(std::vector<std::string>& gone) const;
  void remove_name(std::vector<std::string>& gone) const;

  std::string checkpoint_;
  std::string name_;
  std::optional<FileId> file_;               // which must have that name
  PosixFile lock_;                           // keeps the lock of that file
  std::string folder_;                       // of data files
  std::optional<std::uint64_t> generation_;  // of their records, if that is known
  std::vector<std::string> of_mpi_;          // empty files that Open MPI left
};

}  // namespace h5dcp
