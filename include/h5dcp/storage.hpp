// The contract of a storage backend. The names are those of torch.distributed.checkpoint.storage.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "h5dcp/comm.hpp"
#include "h5dcp/metadata.hpp"
#include "h5dcp/planner.hpp"

namespace h5dcp {

struct WriteResult {
  MetadataIndex index;
  std::uint64_t size_in_bytes = 0;
};

// Writes one checkpoint. Methods marked rank-local must not communicate: they run inside
// Comm::agree. Those marked collective are called on every rank with the same communicator, and
// throw the same CheckpointException on all ranks or on none.
class StorageWriter {
 public:
  StorageWriter() = default;
  StorageWriter(const StorageWriter&) = delete;
  StorageWriter& operator=(const StorageWriter&) = delete;
  virtual ~StorageWriter() = default;

  // Starts a new save, of a new id if one is given. Rank-local.
  virtual void reset(const std::optional<std::string>& checkpoint_id) = 0;

  virtual StorageMeta storage_meta() const { return {}; }

  // Rank-local.
  virtual void set_up_storage_writer(bool is_coordinator) = 0;

  // May change the plan, e.g. refuse what it cannot store. Rank-local.
  virtual SavePlan prepare_local_plan(SavePlan plan) { return plan; }

  // Makes place for everything. `share` are the entries that this rank owns; the answer has, for
  // each of them, one StorageData for each of its chunks, which reaches the chunk's writer.
  // Collective.
  virtual std::vector<std::vector<StorageData>> prepare_global_plan(
      const Comm& comm, const std::vector<PlannedEntry>& share) = 0;

  // Writes the slices of `plan`, asking `planner` for each item's data. Collective.
  virtual std::vector<WriteResult> write_data(const Comm& comm, const SavePlan& plan,
                                              SavePlanner& planner) = 0;

  // Makes the checkpoint durable, then visible. When it has returned, it is both. Collective.
  virtual void finish(const Comm& comm) = 0;

  // The save has failed on some rank: drop what was written. Rank-local, never throws.
  virtual void abandon() noexcept {}
};

// Reads one checkpoint; the same rules.
class StorageReader {
 public:
  StorageReader() = default;
  StorageReader(const StorageReader&) = delete;
  StorageReader& operator=(const StorageReader&) = delete;
  virtual ~StorageReader() = default;

  // Forgets what was read, and takes a new id if one is given. Rank-local.
  virtual void reset(const std::optional<std::string>& checkpoint_id) = 0;

  // What there is to load. The chunks are what read_data can read one by one, which may be larger
  // than what was written at once. Collective.
  virtual Metadata read_metadata(const Comm& comm) = 0;

  // Rank-local.
  virtual void set_up_storage_reader(const Metadata& metadata, bool is_coordinator) = 0;

  // Rank-local.
  virtual LoadPlan prepare_local_plan(LoadPlan plan) { return plan; }

  // Fills what the plan asks for. Collective.
  virtual void read_data(const Comm& comm, const LoadPlan& plan, LoadPlanner& planner) = 0;
};

}  // namespace h5dcp
