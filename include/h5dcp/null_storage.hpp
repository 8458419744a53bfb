// Storage that stores nothing: what a save or load costs without its bytes reaching a disk.

#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "h5dcp/storage.hpp"

namespace h5dcp {

// A save through it plans, negotiates and resolves all data, and then drops them.
class NullWriter : public ParallelStorageWriter {
 public:
  void reset(const std::optional<std::string>& checkpoint_id) override;
  StorageMeta storage_meta() const override { return meta_; }
  void set_up_storage_writer(bool /*is_coordinator*/) override {}
  std::vector<std::vector<StorageData>> prepare_global_plan(
      const Comm& comm, const std::vector<PlannedEntry>& share) override;
  std::vector<WriteResult> write_data(const Comm& comm, const SavePlan& plan,
                                      SavePlanner& planner) override;
  void finish(const Comm& /*comm*/) override {}

 private:
  StorageMeta meta_;
};

// Pretends to hold what `metadata` says: every element is zero, every value null.
class NullReader : public ParallelStorageReader {
 public:
  explicit NullReader(Metadata metadata) : metadata_(std::move(metadata)) {}

  void reset(const std::optional<std::string>& checkpoint_id) override;
  Metadata read_metadata(const Comm& /*comm*/) override { return metadata_; }
  void set_up_storage_reader(const Metadata& /*metadata*/, bool /*is_coordinator*/) override {}
  void read_data(const Comm& comm, const LoadPlan& plan, LoadPlanner& planner) override;

 private:
  Metadata metadata_;
};

}  // namespace h5dcp
