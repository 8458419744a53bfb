// What the user chose.

#pragma once

#include <cstdint>
#include <string>

#include "h5dcp/hdf5.hpp"

namespace trainer {

// A part of the state that a resumed run leaves as it is in a fresh one, to see that it matters.
enum class Forget { nothing, optimizer, rng, data };

struct Options {
  std::string text = "/usr/share/common-licenses/GPL-3";
  std::int64_t steps = 20;
  std::int64_t save_every = 10;  // steps; 0: never
  std::string checkpoint = "checkpoints";
  bool resume = false;
  std::int64_t seed = 1;
  std::int64_t layers = 2;
  std::int64_t hidden = 64;
  std::int64_t heads = 4;
  std::int64_t context = 64;  // bytes
  std::int64_t batch = 12;    // samples of all ranks together
  h5dcp::Transfer transfer = h5dcp::Transfer::direct;
  bool report_memory = false;
  Forget forget = Forget::nothing;
};

// Ends the program after `--help` or a mistake; rank 0 says which.
Options parse(int argc, char** argv, int rank);

}  // namespace trainer
