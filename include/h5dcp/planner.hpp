// Plans: which piece of what is written or read, by whom; and the interface of those who make them.
//
// The names are those of torch.distributed.checkpoint.planner. One thing differs by design: unless
// a planner asks for it, no rank ever sees all plans. After create_local_plan, the items of each
// FQN meet on that FQN's owner, and SavePlanner::plan_writes decides there, FQN by FQN, who writes
// what.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "h5dcp/box.hpp"
#include "h5dcp/bytes.hpp"
#include "h5dcp/metadata.hpp"
#include "h5dcp/state_dict.hpp"
#include "h5dcp/tensor.hpp"

namespace h5dcp {

enum class WriteItemType : std::uint8_t {
  tensor = 1,   // a whole tensor that this rank holds
  shard = 2,    // a piece of a global tensor
  byte_io = 3,  // a value that is no tensor
};

struct BytesWriteData {
  EntryKind kind = EntryKind::bytes;
  DType dtype = DType::uint8;  // of a scalar or list
  Extents size;                // of a scalar (none) or list
  std::uint64_t nbytes = 0;
  std::uint64_t digest = 0;  // XXH3-64 of the bytes: ranks that save one value must agree on it
};

struct TensorWriteData {
  ChunkStorageMetadata chunk;
  TensorProperties properties;
  Extents size;  // of the global tensor
  // A hash of the chunk's elements, or of a sample of them, if replicas are to be compared. Ranks
  // that hold equal chunks must hash the same elements.
  std::optional<std::uint64_t> digest = std::nullopt;
};

// What the plan asks this rank to write of an item. Beside the item, not instead of it:
// resolve_data is asked for the item as it was planned.
struct WriteSlice {
  Box box;  // in the global tensor, inside the item's chunk; a value is always written whole
  StorageData storage_data;  // where it goes: ParallelStorageWriter::prepare_global_plan says
  // How many items there were of the same value or box, this one included. 0 if another slice of
  // that box says so.
  std::uint64_t holders = 1;
};

struct WriteItem {
  MetadataIndex index;
  WriteItemType type = WriteItemType::tensor;
  std::optional<BytesWriteData> bytes_io_data;  // for byte_io
  std::optional<TensorWriteData> tensor_data;   // for tensor and shard
  Path path;                                    // in the nested state dict
  std::vector<WriteSlice> slices;               // empty until planned, and if others write it

  // Bytes of the global tensor, of which the item may be a part; nullopt for a value.
  std::optional<std::uint64_t> tensor_storage_size() const;
};

struct SavePlan {
  std::vector<WriteItem> items;
  StorageData storage_data;  // what StorageWriter::prepare_local_plan or prepare_global_plan noted
};

// What one rank plans for all: DCP's way.
struct GlobalSavePlan {
  std::vector<SavePlan> plans;  // what each rank writes, by rank: its items whole
  Metadata metadata;            // of all of it
};

enum class LoadItemType : std::uint8_t { tensor = 1, byte_io = 2 };

struct ReadItem {
  LoadItemType type = LoadItemType::tensor;
  MetadataIndex dest_index;
  Extents dest_offsets;  // in the destination piece
  MetadataIndex storage_index;
  Extents storage_offsets;  // in the stored piece
  Extents lengths;
};

struct LoadPlan {
  std::vector<ReadItem> items;
  StorageData storage_data;  // what StorageReader::prepare_local_plan or prepare_global_plan noted
};

// All that the ranks propose to write under one FQN, as its owner sees it.
struct Proposals {
  struct Holder {
    int rank;
    std::size_t item;  // its position among the items that rank sent to this owner
    WriteItemType type;
    TensorWriteData tensor;  // for tensor and shard
    BytesWriteData bytes;    // for byte_io
  };
  std::string fqn;
  Path path;                    // the same on all ranks
  std::vector<Holder> holders;  // ordered by rank, then item; at least one
};

// One piece that will be written, and who writes it.
struct PlannedWrite {
  std::size_t holder;  // position in Proposals::holders
  Box box;             // inside that holder's chunk; for a value the whole of it
};

// What is written under one FQN.
struct PlannedEntry {
  std::string fqn;
  Path path;
  EntryKind kind = EntryKind::tensor;
  DType dtype = DType::float32;  // of a tensor, scalar or list
  Extents size;                  // of the same; global
  std::uint64_t nbytes = 0;      // of a value
  std::vector<Box> chunks;       // the boxes written: disjoint, and together the whole; for JSON
                                 // and bytes one without dimensions
  std::vector<int> writers;      // chunks[i] is written by rank writers[i]
};

// Decides what is saved, and who writes it. Every method is rank-local and must not communicate;
// all ranks call them, in this order: set_up_planner, create_local_plan, then either plan_writes
// for each FQN that the rank owns or, on the coordinator alone, create_global_plan, or neither if a
// PlanCache has the answer; finish_plan, resolve_data for each item with slices. An exception on
// one rank fails the save on all.
class SavePlanner {
 public:
  SavePlanner() = default;
  SavePlanner(const SavePlanner&) = delete;
  SavePlanner& operator=(const SavePlanner&) = delete;
  virtual ~SavePlanner() = default;

  // `state_dict` stays the caller's and outlives the save; each Stateful in it is replaced by its
  // state.
  virtual void set_up_planner(StateDict& state_dict, const StorageMeta& storage_meta,
                              bool is_coordinator) = 0;

  // The items that this rank could write.
  virtual SavePlan create_local_plan() = 0;

  // Whether one rank must see the plans of all to decide, as in DCP: then create_global_plan is
  // called, and time and memory there grow with tensors x ranks. Else plan_writes is. The same on
  // all ranks. A StorageWriter always gets all plans in one place.
  virtual bool needs_all_plans() const { return true; }

  // On the coordinator: who writes what, from what all ranks could write. plans[r] is rank r's; the
  // answer must have as many.
  virtual GlobalSavePlan create_global_plan(std::vector<SavePlan> plans) = 0;

  // Without a coordinator: who writes what under one FQN. Must depend on the proposals alone.
  //
  // Throws Error{invalid_argument} if they contradict each other or leave a hole; Error{internal}
  // if the planner needs all plans.
  virtual std::vector<PlannedWrite> plan_writes(const Proposals& proposals) const;

  // What plan_writes goes by beside the proposals, e.g. options: a PlanCache repeats what it
  // decided while that and the items are the same. nullopt, the default, says that nobody can tell:
  // then every save is planned. A planner with a plan_writes of its own that goes by more must add
  // that.
  virtual std::optional<std::string> plans_by() const { return std::nullopt; }

  // The last word on what this rank writes; may not change items or slices.
  virtual SavePlan finish_plan(SavePlan plan) { return plan; }

  // The data of an item: a view of its whole chunk, or the bytes of a value. May be called again.
  virtual std::variant<TensorView, Bytes> resolve_data(const WriteItem& item) = 0;
};

// Decides what a rank loads, and takes it in. Rank-local like SavePlanner, called in this order:
// set_up_planner, create_local_plan, create_global_plan on the coordinator if it is needed,
// finish_plan, then for each item resolve_tensor and commit_tensor, or load_bytes.
class LoadPlanner {
 public:
  LoadPlanner() = default;
  LoadPlanner(const LoadPlanner&) = delete;
  LoadPlanner& operator=(const LoadPlanner&) = delete;
  virtual ~LoadPlanner() = default;

  // `metadata` is the checkpoint's; its chunks are what the storage can read independently, for
  // HDF5 whole datasets. Both references outlive the load.
  virtual void set_up_planner(StateDict& state_dict, const Metadata& metadata,
                              bool is_coordinator) = 0;

  virtual LoadPlan create_local_plan() = 0;

  // Whether one rank must see the plans of all. The same on all ranks.
  virtual bool needs_all_plans() const { return true; }

  // On the coordinator: plans[r] is what rank r wants; the answer has what it gets.
  virtual std::vector<LoadPlan> create_global_plan(std::vector<LoadPlan> plans) { return plans; }

  virtual LoadPlan finish_plan(LoadPlan plan) { return plan; }

  // The memory in which the item ends up, as far as that is known before anything is read; must
  // not allocate. Storages read items that share memory one after the other, in the order of the
  // plan, so the last one wins. nullopt, the default: the item shares memory with no other.
  virtual std::optional<TensorView> destination(const ReadItem& /*item*/) { return std::nullopt; }

  // Where the tensor item goes: a view of exactly item.lengths.
  virtual TensorView resolve_tensor(const ReadItem& item) = 0;

  // The view that resolve_tensor gave has been filled.
  virtual void commit_tensor(const ReadItem& /*item*/, const TensorView& /*tensor*/) {}

  // A value has been read.
  virtual void load_bytes(const ReadItem& item, Value value) = 0;

  // Where the bytes of a value could go, for storages that ask; none of ours does.
  //
  // Throws Error{unsupported} unless overridden.
  virtual std::span<std::uint8_t> resolve_bytes(const ReadItem& item);
};

}  // namespace h5dcp
