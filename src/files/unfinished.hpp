// What a save, copy or move makes before it has its name.

#pragma once

#include <cstdint>
#include <string>

#include "files/new_file.hpp"
#include "files/posix_file.hpp"

namespace h5dcp {

// An unfinished file and its folder of data files, on the process that makes them. The file is
// locked while this exists, so no other job takes it for one that a killed job left. What has been
// made is removed in the end, unless keep() was called.
class Unfinished {
 public:
  // Makes the unfinished file of the checkpoint `path`, empty. Throws as make_file().
  Unfinished(const std::string& path, std::uint64_t generation, FilePlacement placement);
  Unfinished(Unfinished&& other) noexcept;
  Unfinished& operator=(Unfinished&&) = delete;
  ~Unfinished();

  const PosixFile& file() const { return file_; }
  const std::string& path() const { return file_.path(); }
  const FilePlacement& placement() const { return placement_; }
  // False where the file system has no locks.
  bool is_locked() const { return is_locked_; }

  // Makes the folder of data files of that name beside it, which must not exist, and brings it to
  // the disk. Throws Error{io}.
  void make_data_folder(const std::string& name);
  // Its path; empty if there is none.
  const std::string& data_folder() const { return folder_; }

  // Gives data files 1 to `data_files` the access of what they replace, and nothing more, as far as
  // that can be. Their folder has it from the beginning.
  void give_to_data_files(std::uint32_t data_files) const noexcept;

  // Calls off the removal: the file has its name, or may have it.
  void keep() { is_kept_ = true; }

 private:
  FilePlacement placement_;
  PosixFile file_;
  bool is_locked_ = false;
  bool is_kept_ = false;
  std::string folder_;
};

}  // namespace h5dcp
