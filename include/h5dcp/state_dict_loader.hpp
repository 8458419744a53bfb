// load(): a checkpoint into a state dict.

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

struct LoadArguments {
  std::optional<std::string> checkpoint_id = std::nullopt;  // e.g. "step_100.h5"
  StorageReader* storage_reader = nullptr;  // the caller's; by default an Hdf5Reader
  LoadPlanner* planner = nullptr;           // the caller's; by default a DefaultLoadPlanner
  MPI_Comm comm = MPI_COMM_WORLD;           // the ranks that load together
  std::chrono::nanoseconds deadline = std::chrono::minutes(30);  // of each wait for other ranks
  std::function<void(const Hang&)> on_hang = nullptr;            // as CommOptions::on_hang
};

struct LoadResult {
  Report report;
  Metadata metadata;  // of the checkpoint; its chunks are what the storage reads one by one
};

// Fills the tensors of `state_dict` in place, whatever ranks saved them, and replaces its other
// leaves by what was saved. Collective over arguments.comm.
//
// Throws the same CheckpointException on every rank if it failed on any; tensors may then have been
// filled in part.
LoadResult load(StateDict& state_dict, const LoadArguments& arguments);

}  // namespace h5dcp
