// The storage that a load reads from, whichever contract it has.

#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/storage.hpp"

namespace h5dcp {

class OpenedStorage {
 public:
  // Takes the caller's reader, or one that takes the id. Rank-local; throws as choose_reader.
  void choose(const LoadArguments& arguments);

  StorageReaderBase& get() { return *storage_; }

  // The same as something that communicates itself.
  ParallelStorageReader& parallel() { return *parallel_; }

  // A reader by DCP's contract gets the plans of all ranks on one.
  bool needs_all_plans() const { return coordinated_ != nullptr; }
  std::vector<LoadPlan> prepare_global_plan(std::vector<LoadPlan> plans);

 private:
  std::unique_ptr<StorageReaderBase> own_;
  StorageReaderBase* storage_ = nullptr;
  StorageReader* coordinated_ = nullptr;
  std::unique_ptr<ParallelStorageReader> adapter_;
  ParallelStorageReader* parallel_ = nullptr;
};

}  // namespace h5dcp
