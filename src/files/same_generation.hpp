// Whether all ranks have opened the same checkpoint, which another save may replace meanwhile.

#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "files/checkpoint_files.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {

// One rank's view of it. Ranks that have opened different ones all open it again.
class SameGeneration {
 public:
  explicit SameGeneration(int coordinator) : coordinator_(coordinator) {}

  // Whether this rank has opened what the coordinator has, which are of these generations. If not,
  // the ranks are to open it again, and to ask again.
  //
  // Throws Error{io} if that has happened too often, or nothing has changed since the last time:
  // then the checkpoint is not the same file on the two ranks.
  bool is(std::uint64_t mine, std::uint64_t coordinators) {
    ++times_;
    if (mine == coordinators) return true;
    const bool is_settled =
        std::exchange(last_, std::pair(mine, coordinators)) == std::pair(mine, coordinators);
    if (!is_settled && times_ < kMostOpenings) return false;
    throw Error(ErrorCode::io, "not the file that rank " + std::to_string(coordinator_) + " read" +
                                   (is_settled ? ": the ranks see different file systems"
                                               : ": it is replaced again and again"));
  }

 private:
  int coordinator_;
  int times_ = 0;
  std::pair<std::uint64_t, std::uint64_t> last_{};  // of generations
};

}  // namespace h5dcp
