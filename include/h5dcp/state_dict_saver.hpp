// save(): a state dict to a checkpoint.

#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "h5dcp/comm.hpp"
#include "h5dcp/metadata.hpp"
#include "h5dcp/options.hpp"
#include "h5dcp/plan_cache.hpp"
#include "h5dcp/planner.hpp"
#include "h5dcp/report.hpp"
#include "h5dcp/storage.hpp"

namespace h5dcp {

struct SaveArguments {
  std::optional<std::string> checkpoint_id = std::nullopt;  // e.g. "step_100.h5"
  StorageWriterBase* storage_writer = nullptr;  // the caller's; by default what takes the id
  SavePlanner* planner = nullptr;               // the caller's; by default a DefaultSavePlanner
  MPI_Comm comm = MPI_COMM_WORLD;               // the ranks that save together
  // This rank saves alone, whatever `comm` is, a checkpoint of its own. Any thread may do so, and
  // without MPI_Init, but for Transfer::collective.
  bool no_dist = false;
  std::chrono::nanoseconds deadline = std::chrono::minutes(30);  // of each wait for other ranks
  std::function<void(const Hang&)> on_hang = nullptr;            // as CommOptions::on_hang
  std::vector<StorageBackend> backends = default_backends();     // among which the id decides
  Options options = {};  // what is logged and recorded; nothing is read from the environment
  PlanCache* plan_cache = nullptr;  // the caller's: the same plan is not made again
  std::string plan_cache_key = {};  // one plan is kept for each; the same on all ranks
};

struct SaveResult {
  Report report;
  bool repeated = false;  // the plan was that of an earlier save, from plan_cache; on all ranks
  // Reads what was saved, chunks included, from the checkpoint: nothing of it is sent around during
  // the save. Null for a storage other than HDF5: read_metadata() asks that. Rank-local.
  std::function<Metadata()> metadata;
};

// Saves what the ranks hold of `state_dict`, and returns when the checkpoint is durable and
// visible. Collective over arguments.comm.
//
// Throws the same CheckpointException on every rank if it failed on any; the checkpoint that was
// there before is then untouched. (One exception: if the new one is in place, but the folder could
// not be brought to the disk, the message says so.)
SaveResult save(StateDict& state_dict, const SaveArguments& arguments);

// The same with a writer that knows where to. Collective.
[[deprecated("save(state_dict, {.storage_writer = &writer})")]] SaveResult save(
    StateDict& state_dict, StorageWriterBase& storage_writer);

// DCP's old form, in which another rank than 0 may be the coordinator: that which makes the file
// and commits it. All ranks must name the same, else the save is refused. Collective over `comm`.
[[deprecated("use save()")]] SaveResult save_state_dict(
    StateDict& state_dict, StorageWriterBase& storage_writer, MPI_Comm comm = MPI_COMM_WORLD,
    int coordinator_rank = 0, bool no_dist = false, SavePlanner* planner = nullptr,
    const Options& options = {});

}  // namespace h5dcp
