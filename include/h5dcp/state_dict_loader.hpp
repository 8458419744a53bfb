// load(): a checkpoint into a state dict.

#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "h5dcp/comm.hpp"
#include "h5dcp/metadata.hpp"
#include "h5dcp/options.hpp"
#include "h5dcp/planner.hpp"
#include "h5dcp/report.hpp"
#include "h5dcp/storage.hpp"

namespace h5dcp {

struct LoadArguments {
  std::optional<std::string> checkpoint_id = std::nullopt;  // e.g. "step_100.h5"
  StorageReaderBase* storage_reader = nullptr;  // the caller's; by default what takes the id
  LoadPlanner* planner = nullptr;               // the caller's; by default a DefaultLoadPlanner
  MPI_Comm comm = MPI_COMM_WORLD;               // the ranks that load together
  // This rank loads alone, whatever `comm` is. Any thread may do so, and without MPI_Init, but for
  // Transfer::collective.
  bool no_dist = false;
  std::chrono::nanoseconds deadline = std::chrono::minutes(30);  // of each wait for other ranks
  std::function<void(const Hang&)> on_hang = nullptr;            // as CommOptions::on_hang
  std::vector<StorageBackend> backends = default_backends();     // among which the id decides
  Options options = {};  // what is logged and recorded; nothing is read from the environment
};

struct LoadResult {
  Report report;
  Metadata metadata;  // of the checkpoint; its chunks are what the storage reads one by one
};

// Fills the tensors of `state_dict` in place, whatever ranks saved them, and replaces its other
// leaves by what was saved. The planner sees the keys at the top sorted: while it loads, the values
// of a state dict that is not sorted are moved out of it. Collective over arguments.comm.
//
// Throws the same CheckpointException on every rank if it failed on any; tensors may then have been
// filled in part.
LoadResult load(StateDict& state_dict, const LoadArguments& arguments);

// The same with a reader that knows where from. Collective.
[[deprecated("load(state_dict, {.storage_reader = &reader})")]] LoadResult load(
    StateDict& state_dict, StorageReaderBase& storage_reader);

// DCP's old form, in which another rank than 0 may be the coordinator: that which reads the index.
// All ranks must name the same, else the load is refused. Collective over `comm`.
[[deprecated("use load()")]] LoadResult load_state_dict(
    StateDict& state_dict, StorageReaderBase& storage_reader, MPI_Comm comm = MPI_COMM_WORLD,
    int coordinator_rank = 0, bool no_dist = false, LoadPlanner* planner = nullptr,
    const Options& options = {});

// A new state dict with what the checkpoint has under `keys`: names of tensors and values, or the
// beginnings of their paths ("model", "optim.state"; "a" is not the beginning of a key "a.b"); all
// of it without `keys`. Tensors are whole, in memory of their own, on every rank.
// `arguments.planner` is not asked. Collective over arguments.comm.
//
// Throws as load, also if there is nothing under one of the keys.
StateDict load_state_dict_from_keys(const std::optional<std::vector<std::string>>& keys,
                                    const LoadArguments& arguments);

// What the checkpoint holds, without loading it: one rank reads, all get it. Collective over
// arguments.comm; CheckpointFile and StorageReader::read_metadata need no other ranks.
//
// Throws as load.
Metadata read_metadata(const LoadArguments& arguments);

}  // namespace h5dcp
