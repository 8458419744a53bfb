// When and where a Trainer is saved, and from what it resumes.

#pragma once

#include <mpi.h>

#include <string>

#include "options.hpp"
#include "trainer.hpp"

namespace trainer {

// Saves DIR/step_<N>.h5. Collective.
void save(Trainer& trainer, const Options& options, MPI_Comm comm);

// Restores the newest DIR/step_<N>.h5 that can be read, and says on rank 0 which, and why newer
// ones could not. If there is none at all, the trainer stays as it is. Collective.
//
// Throws h5dcp::CheckpointException if there are some and none can be read.
void resume(Trainer& trainer, const Options& options, MPI_Comm comm);

}  // namespace trainer
