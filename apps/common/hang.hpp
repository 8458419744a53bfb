// How a program of ours ends when a rank does not come: with a message and MPI_Abort. After a
// timeout MPI has calls in flight that nobody can end, so MPI_Finalize might wait for ever.

#pragma once

#include <chrono>
#include <string>

#include "h5dcp/comm.hpp"
#include "h5dcp/error.hpp"

namespace app {

inline constexpr int kTimedOut = 3;  // the exit status

// Options for every Comm, save and load of `program`, which is the first word of messages: a hang
// inside HDF5 or MPI-IO ends the job as end_job() does. The environment says what is logged.
//
// Throws h5dcp::Error as h5dcp::Options::from_environment().
h5dcp::CommOptions comm_options(const std::string& program, std::chrono::nanoseconds deadline);

// Says the error on stderr, once for all ranks of MPI_COMM_WORLD, and ends the job. For an error
// that all ranks have, so a timeout.
[[noreturn]] void end_job(const std::string& program, const h5dcp::CheckpointException& timeout);

}  // namespace app
