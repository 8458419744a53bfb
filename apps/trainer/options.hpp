// What the user chose.

#pragma once

#include <cstdint>
#include <string>

#include "h5dcp/comm.hpp"
#include "h5dcp/hdf5.hpp"

namespace trainer {

inline constexpr const char* kProgram = "h5dcp-trainer";

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
  h5dcp::Hdf5Options hdf5;    // how checkpoints are written and read
  h5dcp::CommOptions comm;    // for all that ranks do together to save and load
  bool report_memory = false;
  std::string forget;  // part of the state that is not restored, to see that it matters
};

// Ends the program after `--help` or a mistake; rank 0 says which.
Options parse(int argc, char** argv, int rank);

}  // namespace trainer
