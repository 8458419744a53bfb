// A file takes a name that nothing has yet: Overwrite::refuse.

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "h5dcp/error.hpp"

namespace h5dcp {

struct NewName {
  int error = 0;           // an errno, EEXIST if something has the name; 0 if the file has it
  bool is_second = false;  // the file system lacks RENAME_NOREPLACE, so it was a link

  // Whether the file system offers neither way.
  bool is_not_offered() const;
};

// Gives the file `from` the name `to` in one step, unless something has that name: by a rename with
// RENAME_NOREPLACE, or, where the file system lacks that, as a second name.
NewName give_new_name(const std::string& from, const std::string& to);

// The error of a save to `path` where give_new_name() is not offered: Error{unsupported}.
Error cannot_refuse(const std::filesystem::path& path);

// Tries with an empty file whether give_new_name() works beside the checkpoint `path`. `generation`
// is that of the unfinished file, which is not there yet, nor afterwards.
//
// Throws cannot_refuse() if it does not, Error{io}.
void check_new_name(const std::filesystem::path& path, std::uint64_t generation);

}  // namespace h5dcp
