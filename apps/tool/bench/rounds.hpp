// What is measured: every way saves, then loads, in each round.

#pragma once

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "h5dcp/comm.hpp"
#include "h5dcp/report.hpp"
#include "rank_state.hpp"
#include "run.hpp"

namespace tool::benchmark {

// A save or a load, as all ranks have it.
struct Measurement {
  std::string what;  // "save" or "load"
  std::string way;
  std::int64_t round = 0;  // from 1 on
  double seconds = 0;      // of the slowest rank, all having started together
  int slowest_rank = 0;  // in the phase that took longest; of raw: before it waited for the others
  std::uint64_t nbytes = 0;  // of elements: saved each once, loaded by all ranks together
  std::vector<h5dcp::Phase> phases = {};  // none of raw
  bool repeated = false;                  // a save that has not planned
};

// Makes `run.repetitions` rounds, and one before them that does not count, with files in `folder`,
// which is empty and which all ranks see. In each the ways and raw save in an order that is
// shuffled anew by `random`, which is the same on all ranks, then load in another one; the files
// are removed then, but with `run.keep` not the last ones. Collective.
//
// Throws CheckpointException, also if something else was loaded than saved.
std::vector<Measurement> measure(const h5dcp::CommOptions& options, const Run& run,
                                 const std::filesystem::path& folder, RankState& state,
                                 std::uint64_t saved_bytes, std::mt19937_64& random);

}  // namespace tool::benchmark
