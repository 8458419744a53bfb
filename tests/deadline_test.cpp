// What the ranks say when one of them does not come, and that they can still end the job.

#include <mpi.h>

#include <chrono>
#include <functional>
#include <iostream>
#include <string>
#include <thread>

#include "h5dcp/comm.hpp"
#include "h5dcp/error.hpp"

namespace {

using h5dcp::Comm;
using std::chrono::seconds;

int world_rank() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

MPI_Comm duplicate_world() {
  MPI_Comm copy = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &copy);
  return copy;
}

// The timeout that `call` throws on this rank; empty if it throws none.
std::string timeout(const std::function<void()>& call) {
  std::string text;
  try {
    call();
  } catch (const h5dcp::CheckpointException& error) {
    if (error.code() == h5dcp::ErrorCode::timeout) text = error.what();
  }
  std::cerr << "rank " + std::to_string(world_rank()) + ": " + text + "\n";
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  int threads = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &threads);

  // One rank is late: all say so, that rank too when it comes, and again in whatever they try next.
  for (const int late : {2, 0}) {
    MPI_Comm parent = duplicate_world();
    const Comm comm(parent, {.deadline = seconds(1)});
    const std::string expected =
        "write data: rank " + std::to_string(late) + " of 3 did not arrive within 1 s";
    if (world_rank() == late) std::this_thread::sleep_for(seconds(4));
    const bool ok = timeout([&] { comm.agree("write data", [] {}); }) == expected &&
                    timeout([&] { comm.agree("retry", [] {}); }) == expected &&
                    timeout([&] { const Comm again(parent); }) == expected;
    if (!ok) MPI_Abort(MPI_COMM_WORLD, 1);
    MPI_Comm_free(&parent);  // leaks what MPI may still use
    MPI_Barrier(MPI_COMM_WORLD);
  }

  // Rank 0 never comes, and only the others can end the job.
  if (world_rank() == 0) {
    std::cerr << "late ranks: ok\n";
    std::this_thread::sleep_for(std::chrono::hours(1));
  }
  timeout([] { const Comm unmade(MPI_COMM_WORLD, {.deadline = seconds(1)}); });
  std::this_thread::sleep_for(seconds(1));  // until the other one has said so, too
  MPI_Abort(MPI_COMM_WORLD, 3);
}
