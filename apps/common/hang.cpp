#include "hang.hpp"

#include <mpi.h>

#include <cstdlib>
#include <iostream>
#include <thread>
#include <vector>

namespace app {
namespace {

// The lowest rank that is not `missing` speaks for all and ends the job; the others leave it some
// time for that, in case it cannot.
[[noreturn]] void end_job(const std::string& program, const std::string& text, int rank,
                          const std::vector<int>& missing) {
  int speaker = 0;
  for (const int absent : missing) speaker += absent == speaker ? 1 : 0;
  if (rank != speaker) std::this_thread::sleep_for(std::chrono::seconds(2));
  std::cerr << program + ": " + text + "\n" << std::flush;
  MPI_Abort(MPI_COMM_WORLD, kTimedOut);
  std::abort();
}

}  // namespace

h5dcp::CommOptions comm_options(const std::string& program, std::chrono::nanoseconds deadline) {
  return {.deadline = deadline,
          .on_hang =
              [program](const h5dcp::Hang& hang) {
                end_job(program, hang.text, hang.rank, hang.missing);
              },
          .options = h5dcp::Options::from_environment()};
}

void end_job(const std::string& program, const h5dcp::CheckpointException& timeout) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  end_job(program, timeout.what(), rank, timeout.failed_ranks());
}

}  // namespace app
