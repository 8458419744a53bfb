// Being one of several ranks, for the verbs that share their work. Without a launcher the tool does
// not touch MPI: on many login nodes it could not start.

#pragma once

#include <functional>
#include <string>

#include "h5dcp/comm.hpp"

namespace tool {

// Whether a launcher (mpirun, srun with a PMI) started this process, as it says in the environment.
bool is_launched();

// Starts MPI, does `work`, which returns the exit status, on all ranks, and ends MPI.
//
// What h5dcp throws is the same on all ranks: rank 0 says it, all return `failure`. After a timeout
// MPI cannot be ended, so that ends the job (MPI_Abort, status 3).
int run_on_ranks(const std::function<int(const h5dcp::Comm&)>& work, int failure);

// Of this process, once MPI was started.
std::string host_name();

// Text as a message.
h5dcp::Bytes bytes_of(const std::string& text);

}  // namespace tool
