// h5dcp-trainer: trains a small GPT on any text, sharded over the MPI ranks, and saves and resumes
// with h5dcp. The digits of the loss show whether everything came back.

#include <ATen/Parallel.h>
#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <iomanip>
#include <iostream>
#include <optional>
#include <utility>
#include <vector>

#include "checkpointing.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/error.hpp"
#include "hang.hpp"
#include "memory.hpp"
#include "options.hpp"
#include "samples.hpp"
#include "stop_signal.hpp"
#include "trainer.hpp"

namespace trainer {
namespace {

Samples read_samples(const Options& options, const h5dcp::Comm& comm) {
  std::optional<Samples> samples;
  comm.agree("read '" + options.text + "'",
             [&] { samples.emplace(read_text(options.text), options.context + 1, options.seed); });
  return *std::move(samples);
}

// What each rank held at most between two steps. Collective.
void report_memory(long long held, std::int64_t all, const h5dcp::Comm& comm, MPI_Comm world) {
  std::vector<long long> of_ranks(static_cast<std::size_t>(comm.size()));
  MPI_Gather(&held, 1, MPI_LONG_LONG, of_ranks.data(), 1, MPI_LONG_LONG, 0, world);
  if (comm.rank() != 0) return;
  const double share = static_cast<double>(all) / comm.size();
  for (std::size_t rank = 0; rank < of_ranks.size(); ++rank) {
    std::cout << "memory of rank " << rank << ": " << of_ranks[rank] << " of " << all
              << " parameter bytes, " << std::setprecision(3)
              << static_cast<double>(of_ranks[rank]) / share << " of its share" << std::endl;
  }
}

// Trains until it is done or told to stop. The exit status.
int run(const Options& options, MPI_Comm world) {
  at::set_num_threads(1);  // of each rank: the ranks share the cores, and sums keep their order
  const h5dcp::Comm comm(world, options.comm);
  const TensorMemory memory;
  Trainer trainer(options, read_samples(options, comm), world);
  if (options.resume) resume(trainer, options, world);

  std::int64_t held = 0;
  std::cout << std::fixed;
  while (trainer.steps_done() < options.steps) {
    const auto [loss, stop] = trainer.step();
    // Whatever tensor is alive and no state of the optimizer counts as a parameter.
    held = std::max(held, memory.bytes() - trainer.moment_bytes());
    if (comm.rank() == 0) {
      std::cout << "step " << trainer.steps_done() << " loss " << std::setprecision(9) << loss
                << std::endl;
    }
    const bool stopped = stop && trainer.steps_done() < options.steps;
    const bool due = options.save_every > 0 && trainer.steps_done() % options.save_every == 0;
    if (due || stopped) save(trainer, options, world);
    if (stopped) {
      if (comm.rank() == 0) {
        std::cout << "stopped by SIGUSR1 after step " << trainer.steps_done() << ", saved"
                  << std::endl;
      }
      return kStopped;
    }
  }
  if (options.report_memory) report_memory(held, trainer.parameter_bytes(), comm, world);
  return 0;
}

}  // namespace
}  // namespace trainer

int main(int argc, char** argv) {
  trainer::catch_stop_signal();  // before anything that takes time
  int threads = 0;
  // So that a rank that hangs can ask which others do.
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &threads);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  int status = 0;
  try {
    status = trainer::run(trainer::parse(argc, argv, rank), MPI_COMM_WORLD);
  } catch (const h5dcp::CheckpointException& error) {
    if (error.code() == h5dcp::ErrorCode::timeout) app::end_job(trainer::kProgram, error);
    if (rank == 0) std::cerr << trainer::kProgram << ": " << error.what() << std::endl;
    status = 1;
  } catch (const std::exception& error) {
    // This rank's alone, maybe: the others may wait for it.
    std::cerr << trainer::kProgram << ": rank " << rank << ": " << error.what() << std::endl;
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return status;
}
