// The contracts of a storage backend. The names are those of torch.distributed.checkpoint.storage.
//
// There are two. A StorageWriter or StorageReader is what DCP has: each rank works for itself,
// h5dcp does all communication, and one rank, the coordinator, sees the plans and results of all.
// Write one of these for a storage of your own, or to bring one along. A ParallelStorageWriter or
// ParallelStorageReader communicates itself, and no rank need see more than its share: that of HDF5
// is one.

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
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
  StorageData storage_data = {};  // where it is, for StorageWriter::finish
};

// What all writers have. Rank-local: these methods must not communicate; they run inside
// Comm::agree, so an exception on one rank fails the save on all.
class StorageWriterBase {
 public:
  StorageWriterBase(const StorageWriterBase&) = delete;
  StorageWriterBase& operator=(const StorageWriterBase&) = delete;
  virtual ~StorageWriterBase() = default;

  // Starts a new save, of a new id if one is given.
  virtual void reset(const std::optional<std::string>& checkpoint_id) = 0;

  // Asked once a save, right after reset: the planner and finish() get the answer.
  virtual StorageMeta storage_meta() const { return {}; }

  // The planner has been set up, and plans next.
  virtual void set_up_storage_writer(bool is_coordinator) = 0;

  // May change the plan, e.g. refuse what it cannot store.
  virtual SavePlan prepare_local_plan(SavePlan plan) { return plan; }

  // The save has failed on some rank, or begins anew: drop what was written. Never throws.
  virtual void abandon() noexcept {}

 private:
  friend class StorageWriter;  // derive from one of these
  friend class ParallelStorageWriter;
  StorageWriterBase() = default;
};

// Writes one checkpoint, by DCP's contract. All methods are rank-local and must not communicate.
class StorageWriter : public StorageWriterBase {
 public:
  // On the coordinator: plans[r] is what rank r will write. The answer has as many; storage_data
  // may be noted in each.
  virtual std::vector<SavePlan> prepare_global_plan(std::vector<SavePlan> plans) { return plans; }

  // Writes the items of `plan`, each whole, asking `planner` for its data; a result for each.
  virtual std::vector<WriteResult> write_data(const SavePlan& plan, SavePlanner& planner) = 0;

  // On the coordinator, when all have written: results[r] are rank r's. When it has returned, the
  // checkpoint is durable and visible.
  virtual void finish(const Metadata& metadata,
                      const std::vector<std::vector<WriteResult>>& results) = 0;
};

// What a save has left of its layout, for later saves of the same plan. Each rank has its own.
class StoredLayout {
 public:
  StoredLayout() = default;
  StoredLayout(const StoredLayout&) = delete;
  StoredLayout& operator=(const StoredLayout&) = delete;
  virtual ~StoredLayout() = default;

  // Which save the next one with this layout will be. The same on all ranks, and of no other
  // layout.
  virtual std::uint64_t next_id() const = 0;
};

// What a rank has written again.
struct Rewritten {
  std::uint64_t bytes = 0;                // as the sum of WriteResult::size_in_bytes
  std::array<std::uint64_t, 3> counts{};  // commit_again gets their sums over all ranks
};

// The part of a ParallelStorageWriter that repeats a save: the same plan, other data, and no
// message between the ranks but whether all is well. All methods are rank-local, and called in this
// order after StorageWriterBase::set_up_storage_writer; they must not communicate. abandon() may
// come after any of them: some rank has failed, or cannot repeat the save, which then begins anew.
class RepeatingWriter {
 public:
  RepeatingWriter() = default;
  RepeatingWriter(const RepeatingWriter&) = delete;
  RepeatingWriter& operator=(const RepeatingWriter&) = delete;
  virtual ~RepeatingWriter() = default;

  // In a save that is planned, before prepare_global_plan: what the save will fill in. It is used
  // only if the save succeeds.
  virtual std::shared_ptr<StoredLayout> keep_layout() = 0;

  // Its options that change the file or the way to it: a save repeats only one with the same.
  virtual std::string layout_options() const = 0;

  // The longest value that can take the place of one like `value` in that layout.
  virtual std::uint64_t room_for(const BytesWriteData& value) const = 0;

  // Begins save layout.next_id(). The coordinator makes room for all; nobody may rely on that yet.
  virtual void begin_again(const Comm& comm, StoredLayout& layout) = 0;

  // Whether some slices are written by ranks together, before the others; the same on all ranks.
  virtual bool exchanges() const { return false; }

  // Collective, if so: writes those slices. `plan` must outlive write_again().
  virtual void exchange_again(const Comm& /*comm*/, const SavePlan& /*plan*/,
                              SavePlanner& /*planner*/) {}

  // Writes the slices of `plan`; their storage_data are those of the planned save.
  virtual Rewritten write_again(const Comm& comm, const SavePlan& plan, SavePlanner& planner) = 0;

  // What this rank has written is durable when it returns.
  virtual void sync_again() = 0;

  // On the coordinator: makes the checkpoint durable, then visible.
  virtual void commit_again(const std::array<std::uint64_t, 3>& counts) = 0;
};

// Writes one checkpoint. The methods below are collective: they are called on every rank with the
// same communicator, and throw the same CheckpointException on all ranks or on none.
class ParallelStorageWriter : public StorageWriterBase {
 public:
  // Makes place for everything. `share` are the entries that this rank owns; the answer has, for
  // each of them, one StorageData for each of its chunks, which reaches the chunk's writer.
  virtual std::vector<std::vector<StorageData>> prepare_global_plan(
      const Comm& comm, const std::vector<PlannedEntry>& share) = 0;

  // Writes the slices of `plan`, asking `planner` for each item's data.
  virtual std::vector<WriteResult> write_data(const Comm& comm, const SavePlan& plan,
                                              SavePlanner& planner) = 0;

  // Makes the checkpoint durable, then visible. When it has returned, it is both.
  virtual void finish(const Comm& comm) = 0;

  // Rank-local: how to save the same plan again, for a PlanCache. Null if this writer cannot, which
  // is the default: then every save is planned and laid out.
  virtual RepeatingWriter* repeating() { return nullptr; }
};

// What all readers have; the same rules.
class StorageReaderBase {
 public:
  StorageReaderBase(const StorageReaderBase&) = delete;
  StorageReaderBase& operator=(const StorageReaderBase&) = delete;
  virtual ~StorageReaderBase() = default;

  // Forgets what was read, and takes a new id if one is given.
  virtual void reset(const std::optional<std::string>& checkpoint_id) = 0;

  // The planner has been set up, and plans next.
  virtual void set_up_storage_reader(const Metadata& metadata, bool is_coordinator) = 0;

  virtual LoadPlan prepare_local_plan(LoadPlan plan) { return plan; }

 private:
  friend class StorageReader;  // derive from one of these
  friend class ParallelStorageReader;
  StorageReaderBase() = default;
};

// Reads one checkpoint, by DCP's contract. All methods are rank-local and must not communicate.
class StorageReader : public StorageReaderBase {
 public:
  // What there is to load. The chunks are what read_data can read one by one; an item never reaches
  // over one of them.
  virtual Metadata read_metadata() = 0;

  // On the coordinator: plans[r] is what rank r will read.
  virtual std::vector<LoadPlan> prepare_global_plan(std::vector<LoadPlan> plans) { return plans; }

  // Fills what the plan asks for: of each tensor item the view that planner.resolve_tensor gives,
  // followed by planner.commit_tensor; of each value planner.load_bytes.
  virtual void read_data(const LoadPlan& plan, LoadPlanner& planner) = 0;
};

// Reads one checkpoint. The methods below are collective, as those of ParallelStorageWriter.
class ParallelStorageReader : public StorageReaderBase {
 public:
  // As StorageReader::read_metadata; the chunks may be larger than what was written at once. Called
  // again whenever open_data has returned false.
  virtual Metadata read_metadata(const Comm& comm) = 0;

  // Opens what `plan`, which is the rank's own, will read, so that read_data finds it even if the
  // checkpoint is replaced meanwhile. Returns false, on every rank, if it has been replaced since
  // read_metadata and parts of it are gone.
  virtual bool open_data(const Comm& /*comm*/, const LoadPlan& /*plan*/) { return true; }

  virtual void read_data(const Comm& comm, const LoadPlan& plan, LoadPlanner& planner) = 0;
};

// How save() and load() find the storage of a checkpoint of which only the id is given. Rank-local.
struct StorageBackend {
  std::string name;  // in error messages
  std::function<bool(const std::string& checkpoint_id)>
      validate_writer_id;  // whether it takes this id
  std::function<bool(const std::string& checkpoint_id)> validate_reader_id;
  std::function<std::unique_ptr<StorageWriterBase>(const std::string& checkpoint_id)> make_writer;
  std::function<std::unique_ptr<StorageReaderBase>(const std::string& checkpoint_id)> make_reader;
  // Why the storage does not take an id, for error messages: "it is a directory". Optional.
  std::function<std::string(const std::string& checkpoint_id)> why_not_writer_id = nullptr;
  std::function<std::string(const std::string& checkpoint_id)> why_not_reader_id = nullptr;
};

// Those of h5dcp, in the order in which they are asked: the first that takes an id has it.
std::vector<StorageBackend> default_backends();

}  // namespace h5dcp
