// Which rank does what one must do for all.

#pragma once

#include "h5dcp/comm.hpp"

namespace h5dcp {

// `comm` with another coordinator. Collective.
//
// Throws CheckpointException{invalid_argument}, of the step "plan", on all ranks if they do not
// name the same one, or it is no rank.
Comm with_coordinator(const Comm& comm, int coordinator);

}  // namespace h5dcp
