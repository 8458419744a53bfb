// A storage of one's own, by the contract of torch.distributed.checkpoint: checkpoints in memory.
//
// The data of a checkpoint lie on the coordinator, and every rank knows what there is. No method
// communicates: what goes from rank to rank goes in the plans and the results, and h5dcp carries
// those. That is enough to roll back a training without a disk, and to test planners.
//
// Here a checkpoint must be loaded with the coordinator that saved it, by as many ranks.

#pragma once

#include <h5dcp/storage.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "contents.hpp"

namespace example {

struct MemoryCheckpoint {
  Contents contents;
  std::map<h5dcp::MetadataIndex, h5dcp::Bytes> pieces;  // row-major; empty but on the coordinator
};

// The checkpoints by id, "memory:step_100". Every rank has its own, which outlives all writers and
// readers.
using MemoryStore = std::map<std::string, MemoryCheckpoint>;

class MemoryWriter : public h5dcp::StorageWriter {
 public:
  MemoryWriter(MemoryStore& store, std::string id) : store_(store), id_(std::move(id)) {}

  void reset(const std::optional<std::string>& checkpoint_id) override;
  h5dcp::StorageMeta storage_meta() const override { return {id_, "", ""}; }
  void set_up_storage_writer(bool /*is_coordinator*/) override {}

  // Tells every rank what all of them write.
  std::vector<h5dcp::SavePlan> prepare_global_plan(std::vector<h5dcp::SavePlan> plans) override;

  // The results have the bytes themselves.
  std::vector<h5dcp::WriteResult> write_data(const h5dcp::SavePlan& plan,
                                             h5dcp::SavePlanner& planner) override;

  // Keeps the bytes of all.
  void finish(const h5dcp::Metadata& metadata,
              const std::vector<std::vector<h5dcp::WriteResult>>& results) override;

  // The checkpoint that was there before is there again.
  void abandon() noexcept override;

 private:
  MemoryStore& store_;
  std::string id_;
  bool placed_ = false;            // whether the new one is in the store
  MemoryStore::node_type before_;  // what it has replaced
};

class MemoryReader : public h5dcp::StorageReader {
 public:
  MemoryReader(MemoryStore& store, std::string id) : store_(store), id_(std::move(id)) {}

  void reset(const std::optional<std::string>& checkpoint_id) override;
  void set_up_storage_reader(const h5dcp::Metadata& /*metadata*/,
                             bool /*is_coordinator*/) override {}

  // Throws Error{not_found} if there is no such checkpoint.
  h5dcp::Metadata read_metadata() override;

  // Gives each rank the bytes that it wants, one item after the other.
  //
  // Throws Error{not_found} if the checkpoint's data are on another rank.
  std::vector<h5dcp::LoadPlan> prepare_global_plan(std::vector<h5dcp::LoadPlan> plans) override;

  void read_data(const h5dcp::LoadPlan& plan, h5dcp::LoadPlanner& planner) override;

 private:
  MemoryCheckpoint& checkpoint();
  h5dcp::Bytes bytes_for(const h5dcp::ReadItem& item);

  MemoryStore& store_;
  std::string id_;
};

// Takes the ids that begin with "memory:". For SaveArguments::backends and LoadArguments::backends.
h5dcp::StorageBackend memory_backend(MemoryStore& store);

}  // namespace example
