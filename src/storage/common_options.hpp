// Which options ranks must have alike, and which a save must have to repeat another.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "h5dcp/comm.hpp"
#include "h5dcp/hdf5.hpp"

namespace h5dcp {

// The options that all ranks of one save or load must have alike. Ranks compare them in a tally
// that they take anyway, before anything that they do together follows from them.
class CommonOptions {
 public:
  // Of a save or of a load.
  CommonOptions(const Comm& comm, const Hdf5Options& options, bool saves);

  // What each rank brings to the tally.
  std::array<std::uint64_t, 3> maxima() const;

  // Collective, with what became of the tally. Throws CheckpointException{invalid_argument}, which
  // names an option and the ranks whose value is not that of the coordinator.
  void check(const Comm& comm, const std::string& step, const Tally& all) const;

 private:
  std::vector<std::pair<std::string, std::string>> options_;  // names and values
};

// All that makes a save lay out another file, or move it in another way: a save whose text is
// another one cannot repeat the plan.
std::string plan_options(const Hdf5Options& options);

}  // namespace h5dcp
