// save(): a state dict to a checkpoint.

#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "h5dcp/comm.hpp"
#include "h5dcp/metadata.hpp"
#include "h5dcp/planner.hpp"
#include "h5dcp/report.hpp"
#include "h5dcp/storage.hpp"

namespace h5dcp {

struct SaveArguments {
  std::optional<std::string> checkpoint_id = std::nullopt;  // e.g. "step_100.h5"
  StorageWriter* storage_writer = nullptr;  // the caller's; by default an Hdf5Writer
  SavePlanner* planner = nullptr;           // the caller's; by default a DefaultSavePlanner
  MPI_Comm comm = MPI_COMM_WORLD;           // the ranks that save together
  std::chrono::nanoseconds deadline = std::chrono::minutes(30);  // of each wait for other ranks
  std::function<void(const Hang&)> on_hang = nullptr;            // as CommOptions::on_hang
};

struct SaveResult {
  Report report;
  // Reads what was saved, chunks included, from the checkpoint: nothing of it is sent around during
  // the save. Null for a storage that cannot be read back. Rank-local.
  std::function<Metadata()> metadata;
};

// Saves what the ranks hold of `state_dict`, and returns when the checkpoint is durable and
// visible. Collective over arguments.comm.
//
// Throws the same CheckpointException on every rank if it failed on any; the checkpoint that was
// there before is then untouched. (One exception: if the new one is in place, but the folder could
// not be brought to the disk, the message says so.)
SaveResult save(StateDict& state_dict, const SaveArguments& arguments);

}  // namespace h5dcp
