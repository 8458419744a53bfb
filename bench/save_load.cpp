// bench_save_load: saves and loads one state as it is told, again and again, by h5dcp and by plain
// system calls.
//
// compare_dcp.py drives it, in turn with programs of other libraries that hold the same tensors.
// Rank 0 reads a command a line, and answers each by a line of JSON:
//
//     save raw /dev/shm/a                  {"seconds": 0.5, "phases": {}, ...}
//     load collective /dev/shm/b.h5        {"seconds": 0.7, "phases": {"open": 0.01, ...}, ...}
//
// The time is that of the slowest rank, all having started together. What was loaded is compared
// with what was saved after the time is taken. What else is counted: bytes that all ranks want and
// that they read, the memory that the worst rank needs beside its tensors, and the calls of MPI.

#include <mpi.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdint>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>

#include "counters.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/plan_cache.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "raw_file.hpp"
#include "workload.hpp"

namespace bench {
namespace {

struct Command {
  std::string verb;  // save or load
  std::string way;   // raw, raw_each, the transfers, warm, unchecked, chunked
  std::string path;
};

// The next line of rank 0's input, on every rank; no verb at its end. The ranks that wait leave the
// cores to whatever is measured meanwhile, as Comm does and MPI_Bcast does not.
Command next_command(const h5dcp::Comm& comm) {
  h5dcp::Bytes line;
  if (comm.rank() == 0) {
    std::string text;
    std::getline(std::cin, text);
    line.assign(text.begin(), text.end());
  }
  line = comm.broadcast("command", std::move(line), 0);
  std::istringstream words(std::string(line.begin(), line.end()));
  Command command;
  words >> command.verb >> command.way >> command.path;
  return command;
}

h5dcp::Transfer transfer_of(const std::string& way) {
  const bool automatic = way == "warm" || way == "unchecked" || way == "chunked";
  const auto transfer = h5dcp::transfer_named(automatic ? "automatic" : way);
  if (!transfer) throw std::invalid_argument("no way to save or load: '" + way + "'");
  return *transfer;
}

h5dcp::Hdf5Options options_of(const std::string& way) {
  const bool chunked = way == "chunked";
  return {.transfer = transfer_of(way),
          .checksums = way != "unchecked",
          .layout = chunked ? h5dcp::Layout::chunk_per_shard : h5dcp::Layout::contiguous};
}

// warm repeats the plan that its first save has left in `cache`; unchecked has no checksums;
// chunked has a chunk of HDF5 for each shard.
h5dcp::Report save(const h5dcp::Comm& comm, Workload& workload, const Command& command,
                   h5dcp::PlanCache& cache) {
  const app::RawFile raw(command.path, comm);
  if (command.way == "raw") return raw.write(workload.buffer()), h5dcp::Report{};
  if (command.way == "raw_each") return raw.write(workload.tensors()), h5dcp::Report{};
  h5dcp::Hdf5Writer writer(command.path, options_of(command.way));
  auto* const used = command.way == "warm" ? &cache : nullptr;
  return h5dcp::save(workload.state(), {.storage_writer = &writer, .plan_cache = used}).report;
}

h5dcp::Report load(const h5dcp::Comm& comm, Workload& workload, const Command& command) {
  const app::RawFile raw(command.path, comm);
  const auto buffer = workload.buffer();
  if (command.way == "raw") return raw.read(buffer, buffer.size()), h5dcp::Report{};
  if (command.way == "raw_each") return raw.read(workload.tensors()), h5dcp::Report{};
  h5dcp::Hdf5Reader reader(command.path, options_of(command.way));
  return h5dcp::load(workload.state(), {.storage_reader = &reader}).report;
}

nlohmann::json run(const h5dcp::Comm& comm, Workload& workload, const Command& command,
                   h5dcp::PlanCache& cache) {
  const bool loads = command.verb == "load";
  if (loads) workload.clear();
  const Counters counters;
  MPI_Barrier(MPI_COMM_WORLD);
  const double start = MPI_Wtime();
  const auto report = loads ? load(comm, workload, command) : save(comm, workload, command, cache);
  double seconds = MPI_Wtime() - start;
  MPI_Allreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  const nlohmann::json calls{{"allreduces", counters.allreduces()},
                             {"broadcasts", counters.broadcasts()}};
  std::array<std::uint64_t, 2> bytes{workload.buffer().size(), counters.bytes_read()};
  MPI_Allreduce(MPI_IN_PLACE, bytes.data(), 2, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
  std::uint64_t peak = counters.peak_bytes();
  MPI_Allreduce(MPI_IN_PLACE, &peak, 1, MPI_UINT64_T, MPI_MAX, MPI_COMM_WORLD);
  if (loads) workload.check();
  nlohmann::json phases = nlohmann::json::object();
  for (const auto& phase : report.phases) phases[phase.name] = phase.max_seconds;
  return {{"seconds", seconds},       {"phases", phases},       {"calls", calls},
          {"bytes_wanted", bytes[0]}, {"bytes_read", bytes[1]}, {"peak_bytes", peak}};
}

void serve(Workload& workload, int ranks_a_node) {
  const h5dcp::Comm comm(MPI_COMM_WORLD, {.ranks_a_node = ranks_a_node});  // also of each save
  h5dcp::PlanCache cache;
  for (Command command = next_command(comm); !command.verb.empty(); command = next_command(comm)) {
    const auto answer = run(comm, workload, command, cache);
    if (comm.rank() == 0) std::cout << answer << std::endl;
  }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  bench::Shape shape;
  int ranks_a_node = 0;
  CLI::App app("Saves and loads tensors as the commands on its standard input say");
  app.add_option("--tensors", shape.tensors, "how many")->required();
  app.add_option("--rows", shape.rows, "of each tensor, all ranks together")->required();
  app.add_option("--columns", shape.columns, "of each tensor, float32")->required();
  app.add_option("--shard", shape.shard,
                 "the dimension that is cut over the ranks, 0 or 1; else all have all");
  app.add_option("--divide", shape.divide, "each rank has the first of so many parts of its rows")
      ->check(CLI::PositiveNumber);
  app.add_option("--ranks-a-node", ranks_a_node, "as if there were several nodes; 0: all on one")
      ->check(CLI::NonNegativeNumber);
  CLI11_PARSE(app, argc, argv);
  int status = 0;
  try {
    bench::Workload workload(shape, MPI_COMM_WORLD);
    bench::serve(workload, ranks_a_node);
  } catch (const std::exception& error) {
    std::cerr << "bench_save_load: " << error.what() << std::endl;
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return status;
}
