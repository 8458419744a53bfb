#include "api/coordinator.hpp"

#include <cstdint>
#include <string>

#include "h5dcp/error.hpp"

namespace h5dcp {

Comm with_coordinator(const Comm& comm, int coordinator) {
  const auto number = static_cast<std::uint64_t>(static_cast<std::int64_t>(coordinator));
  const auto most = comm.max("plan", {number, ~number});  // the second: the least, inverted
  try {
    comm.agree("plan", [&] {
      if (most[0] != ~most[1]) {
        throw Error(ErrorCode::invalid_argument, "coordinator_rank is not the same on all ranks");
      }
      if (coordinator < 0 || coordinator >= comm.size()) {
        throw Error(ErrorCode::invalid_argument, "coordinator_rank is " +
                                                     std::to_string(coordinator) + ", of " +
                                                     std::to_string(comm.size()) + " ranks");
      }
    });
  } catch (const CheckpointException& failure) {
    throw CheckpointException(failure, "plan");
  }
  return comm.with_coordinator(coordinator);
}

}  // namespace h5dcp
