#include "ranks.hpp"

#include <mpi.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>

#include "h5dcp/error.hpp"
#include "hang.hpp"
#include "text.hpp"

namespace tool {
namespace {

class Mpi {
 public:
  Mpi() {
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided);  // doctor tells what it got
  }
  Mpi(const Mpi&) = delete;
  Mpi& operator=(const Mpi&) = delete;
  ~Mpi() { MPI_Finalize(); }
};

}  // namespace

bool is_launched() {
  // Open MPI's mpirun; PMIx (srun --mpi=pmix, prterun); PMI (MPICH's mpiexec, srun --mpi=pmi2).
  constexpr std::array kNames{"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"};
  return std::ranges::any_of(kNames, [](const char* name) { return std::getenv(name) != nullptr; });
}

int run_on_ranks(const std::function<int(const h5dcp::Comm&)>& work, int failure) {
  const Mpi mpi;
  const h5dcp::Comm comm(MPI_COMM_WORLD, app::comm_options("h5dcp", h5dcp::CommOptions{}.deadline));
  try {
    const int status = work(comm);
    if (std::cout.flush()) return status;
    return fail(failure, "stdout: cannot be written");
  } catch (const h5dcp::CheckpointException& error) {
    if (error.code() == h5dcp::ErrorCode::timeout) app::end_job("h5dcp", error);
    // All before MPI_Finalize: the first process that ends with a failure ends the others.
    if (comm.rank() == 0) fail(failure, error.what());
    return failure;
  } catch (const std::exception& error) {  // this rank's alone, maybe: the others may wait for it
    fail(failure, error.what());
    MPI_Abort(MPI_COMM_WORLD, failure);
    throw;
  }
}

std::string host_name() {
  std::array<char, MPI_MAX_PROCESSOR_NAME> name{};
  int size = 0;
  MPI_Get_processor_name(name.data(), &size);
  return {name.data(), static_cast<std::size_t>(size)};
}

h5dcp::Bytes bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

}  // namespace tool
