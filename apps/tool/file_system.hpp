// The file system of a folder, and whether it does what a save asks of it.

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "known_bad.hpp"

namespace tool {

struct FileSystem {
  std::string type;     // "ext4", "lustre", "nfs4"; "" if nobody can tell
  std::string source;   // a device or a server
  std::string mount;    // where it is mounted
  std::string options;  // with commas between them
  std::uint64_t free_bytes = 0;
  std::uint64_t total_bytes = 0;
};

// Throws h5dcp::Error{io}.
FileSystem file_system_of(const std::filesystem::path& folder);

// A folder with a name of its own in `parent`; it and what is in it is removed in the end
// unless it is to be kept.
class Scratch {
 public:
  // `purpose` is in its name. Throws h5dcp::Error{io}.
  Scratch(const std::filesystem::path& parent, const std::string& purpose);
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();

  const std::filesystem::path& path() const { return path_; }
  void keep() { keep_ = true; }

 private:
  std::filesystem::path path_;
  bool keep_ = false;
};

// Tries in `folder` what a save does: write, sync, read back, reserve, rename.
std::vector<Finding> probe(const std::filesystem::path& folder);

}  // namespace tool
