// Combinations of software and file systems that are known to cause trouble.

#pragma once

#include <array>
#include <string>
#include <vector>

namespace tool {

enum class Grade {
  ok,
  note,  // good to know; nothing fails for it
  bad,   // checkpoints will not work, or cannot be trusted
};

struct Finding {
  Grade grade = Grade::ok;
  std::string about;
  std::string text;
};

using Version = std::array<unsigned, 3>;  // compares as versions do

// What doctor has found out.
struct Facts {
  Version hdf5_headers{};  // that h5dcp was built with
  Version hdf5_library{};  // that is loaded
  bool hdf5_is_parallel = true;
  int mpi_version = 3;  // of the standard
  int mpi_subversion = 1;
  std::string mpi_io;       // "OMPIO", "ROMIO", or empty if nobody can tell
  std::string file_system;  // "ext4", "lustre", "nfs4", ...
  std::string mount_options;
  int hosts = 1;  // on which there are ranks
};

// What is known of these facts; nothing if all is well. Where the knowledge is from: docs/tool.md.
std::vector<Finding> known_bad(const Facts& facts);

}  // namespace tool
