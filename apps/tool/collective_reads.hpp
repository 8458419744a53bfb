// Tests whether MPI-IO's collective reads return the bytes of the file. Open MPI's OMPIO returns
// others when ranks want very different parts of it, and reports success.

#pragma once

#include <cstdint>
#include <filesystem>

#include "h5dcp/comm.hpp"

namespace tool {

inline constexpr int kRanksForReads = 3;

struct CollectiveReads {
  std::uint64_t done = 0;   // by all ranks, of which each counts its own
  std::uint64_t wrong = 0;  // that failed or returned other bytes
};

// Reads a file in `folder`, which all ranks must see, again and again: some ranks want all of it,
// some a part and some nothing. Collective, with kRanksForReads ranks or more.
//
// Throws CheckpointException if the file cannot be made, or is not seen by all.
CollectiveReads try_collective_reads(const h5dcp::Comm& comm, const std::filesystem::path& folder);

}  // namespace tool
