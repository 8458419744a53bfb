// What only a running MPI can tell.

#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace tool {

struct MpiFacts {
  int thread_level = 0;  // that MPI provides
  std::string io;        // "OMPIO", "ROMIO": how it opens files in the folder asked about; or ""
};

// Of this process, in which MPI runs. Opens a file in `folder`, which stays there.
MpiFacts mpi_facts(const std::filesystem::path& folder);

// Starts MPI in a process of its own, without a launcher, and asks that; nullopt if MPI does not
// start so.
std::optional<MpiFacts> mpi_facts_of_another(const std::filesystem::path& folder);

}  // namespace tool
