// Options and paths that make sense.

#pragma once

#include <cstdint>
#include <string>

#include "h5dcp/hdf5.hpp"

namespace h5dcp {

// Throws Error{invalid_argument} if the options do not.
void check_options(const Hdf5Options& options);

// The same of a save, to which not all ways of storing go together.
void check_writer_options(const Hdf5Options& options);

// The most that one piece has: small enough to be in the cache still when it is hashed. A
// collective call costs too much for that.
std::uint64_t piece_bytes(const Hdf5Options& options);

// Whether ranks move some of their data together: in the window of their node, or between nodes.
constexpr bool is_shared(Transfer transfer) {
  return transfer == Transfer::aggregated || transfer == Transfer::automatic;
}

// Why `path` cannot name a checkpoint, as "it is a directory". Empty if it can: it is no URL, and
// there is a regular file, a link that leads to no folder, or nothing.
std::string why_no_checkpoint(const std::string& path);

// Throws Error{invalid_argument}, "<verb> '<path>': ...", if it cannot.
void check_path(const std::string& verb, const std::string& path);

}  // namespace h5dcp
