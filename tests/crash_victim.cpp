// Saves, and is killed on the way: crash_test starts it. Or meets another job at its destination.
//
//   crash_victim kill direct PATH VERSION RANK NUMBER   saves VERSION and is to succeed; then saves
//                                                       VERSION + 1 and dies at call NUMBER of RANK
//   crash_victim kill repeated ...     the second save repeats the first one's plan
//   crash_victim kill filtered ...     tensors are compressed
//   crash_victim kill files ...        tensors are in data files
//   crash_victim kill chunked ...      tensors are in chunks of shards, of files with stripes
//   crash_victim meet direct PATH VERSION replace|refuse IN OUT
//       saves VERSION; in the middle of it, tells those who read the pipe OUT, and waits for IN
//
// Exits with 0 if the save succeeded, with 3 if it was refused because PATH exists.

#include <fcntl.h>
#include <mpi.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <optional>
#include <string>

#include "crash_state.hpp"
#include "faulty_storage.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "on_lustre.hpp"
#include "shim/shim.h"

namespace h5dcp {
namespace {

constexpr int kRefused = 3;

struct Job {
  int rank = 0;
  int size = 1;
  std::string path;
  Hdf5Options options{.piece_bytes = test::kCrashPieceBytes};
  std::optional<PlanCache> cache = std::nullopt;
  bool has_stripes = true;  // that it asked for

  // Whether it repeated a plan.
  bool save_version(int version, SavePlanner* planner = nullptr) {
    auto state = test::crash_state(version, rank, size, true);
    Hdf5Writer writer(path, options);
    Options said;
    said.log_level = LogLevel::warning;
    said.logger = [this](const LogMessage& message) {
      if (message.text.find("stripes") != std::string::npos) has_stripes = false;
    };
    return save(state, {.storage_writer = &writer,
                        .planner = planner,
                        .options = said,
                        .plan_cache = cache ? &*cache : nullptr})
        .repeated;
  }
};

// Opening a pipe waits for whoever opens its other end.
void open_end(const char* pipe, int flags) {
  const int fd = ::open(pipe, flags);
  if (fd < 0) throw std::runtime_error(std::string("cannot open ") + pipe);
  ::close(fd);
}

int run(int argc, char** argv) {
  const std::vector<std::string> arguments(argv, argv + argc);
  Job job;
  MPI_Comm_rank(MPI_COMM_WORLD, &job.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &job.size);
  job.options.transfer = transfer_named(arguments.at(2)).value_or(Transfer::automatic);
  if (arguments.at(2) == "repeated") job.cache.emplace();
  if (arguments.at(2) == "files") job.options.files = Files::per_ranks(1);
  if (arguments.at(2) == "filtered") job.options.filters.compression = Compression::deflate;
  job.path = arguments.at(3);
  const auto folder = std::filesystem::path(job.path).parent_path();
  if (arguments.at(2) == "chunked") {
    job.options.transfer = Transfer::aggregated;
    job.options.layout = Layout::chunk_per_shard;
    job.options.striping = test::kCrashStriping;
    h5dcp_shim_arm(folder.c_str(), SHIM_CHANGES, SHIM_NONE, 0);
    test::be_on_lustre(test::kOtherStriping);
  }
  const int version = std::stoi(arguments.at(4));
  if (arguments.at(1) == "kill") {
    job.save_version(version);
    MPI_Barrier(MPI_COMM_WORLD);
    if (job.rank == std::stoi(arguments.at(5))) {
      h5dcp_shim_arm(folder.c_str(), SHIM_CHANGES, SHIM_KILL, std::stol(arguments.at(6)));
    }
    const bool repeated = job.save_version(version + 1);
    h5dcp_shim_disarm();
    return repeated == job.cache.has_value() && job.has_stripes ? 0 : 1;
  }
  job.options.overwrite = arguments.at(5) == "refuse" ? Overwrite::refuse : Overwrite::replace;
  test::CallingPlanner planner([&] {
    if (job.rank != 0) return;
    // One job comes first to the one pipe, the other to the other: so both open in the same order.
    const bool first = arguments.at(6) < arguments.at(7);
    for (const bool out : {first, !first}) {
      open_end(out ? argv[7] : argv[6], out ? O_WRONLY : O_RDONLY);
    }
  });
  try {
    job.save_version(version, &planner);
  } catch (const CheckpointException& error) {
    if (std::string(error.what()).find("' exists (") == std::string::npos) throw;
    return kRefused;
  }
  return 0;
}

}  // namespace
}  // namespace h5dcp

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int status = 1;
  try {
    status = h5dcp::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return status;
}
