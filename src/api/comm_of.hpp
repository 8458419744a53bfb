// The ranks that save or load together, as the caller's arguments say.

#pragma once

#include "h5dcp/comm.hpp"

namespace h5dcp {

// Of SaveArguments or LoadArguments. Collective if it is the first Comm of the communicator.
template <class Arguments>
Comm comm_of(const Arguments& arguments) {
  const CommOptions options{
      .deadline = arguments.deadline, .on_hang = arguments.on_hang, .options = arguments.options};
  return arguments.no_dist ? Comm::alone(options) : Comm(arguments.comm, options);
}

}  // namespace h5dcp
