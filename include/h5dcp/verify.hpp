// Verifying a checkpoint on all ranks together.

#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/comm.hpp"

namespace h5dcp {

struct VerifyArguments {
  // Both are called on rank 0 alone and must not communicate.
  std::function<void(int rank, const Damage& damage)> tell;  // `rank` found it
  Progress progress;
  // What each rank verifies before all tell what they found.
  std::uint64_t round_bytes = std::uint64_t{64} << 20;
};

// Reads and checks every byte of the file, each on one of the ranks; large tensors are shared.
// Returns how many damages there are, the same number on every rank.
//
// Collective. Throws CheckpointException on all ranks: not_found, io, corrupt if the file cannot be
// opened for damage, unsupported for a newer format, and io if the ranks see different files.
std::uint64_t verify_checkpoint(const Comm& comm, const std::string& path,
                                const VerifyArguments& arguments = {});

}  // namespace h5dcp
