// The planners that save and load use unless told otherwise, those to derive from, and what they
// are made of.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "h5dcp/extension.hpp"
#include "h5dcp/planner.hpp"

namespace h5dcp {

// Who writes a piece that several ranks hold, and how it is found out that they hold the same. A
// difference fails the save; it would store a mixture that no rank has had.
enum class Replicas : std::uint8_t {
  // All of them: slices of at least 1 MiB; a smaller piece whole, by a rank that the name decides.
  // Hashes of a sample are compared: all of at most 256 bytes, else a block of 64 in each 64 KiB.
  split,
  // The lowest rank that holds it; DCP's dedup_save_to_lowest_rank. Nothing is compared: what other
  // ranks hold is dropped.
  lowest_rank,
  // The rank with the least to write so far, as in DCP by default. Needs all plans. Compared as
  // with split.
  least_loaded,
  // As split, but all elements are compared: reads all that is held before anything is written.
  compare,
};

struct SaveOptions {
  // If not, each key at the top of the state dict is one entry: no tensors below it.
  bool flatten_state_dict = true;
  Replicas replicas = Replicas::split;
  // What values that are not stored as datasets go through: strings, bytes, mixed lists. The same
  // on all ranks, and each makes the same of the same bytes.
  StreamTransforms stream_transforms = {};
};

// Plans as DCP does: the coordinator sees the plans of all ranks. Derive from it to override
// create_global_plan.
class GlobalSavePlanner : public SavePlanner {
 public:
  explicit GlobalSavePlanner(SaveOptions options = {}) : options_(std::move(options)) {}

  void set_up_planner(StateDict& state_dict, const StorageMeta& storage_meta,
                      bool is_coordinator) override;
  SavePlan create_local_plan() override;
  GlobalSavePlan create_global_plan(std::vector<SavePlan> plans) override;
  std::variant<TensorView, Bytes> resolve_data(const WriteItem& item) override;

  // The value that is saved under `index`: of a tensor the piece that lies there.
  //
  // Throws Error{invalid_argument} if there is none.
  virtual Value lookup_object(const MetadataIndex& index);

  // What is written of it: a tensor as it is, a value's bytes. What an override returns for a
  // tensor must have the dtype and sizes that the item says; for a value, it is asked in
  // create_local_plan as well and must give the same bytes.
  virtual std::variant<TensorView, Bytes> transform_object(const WriteItem& item, Value object);

 protected:
  const SaveOptions& options() const { return options_; }

 private:
  void propose(const Leaf& leaf, SavePlan& plan);
  void add_digests(SavePlan& plan);  // for replicas to be compared

  SaveOptions options_;
  Leaves leaves_;
};

// The same without a coordinator. Override anything but create_global_plan: what that would have to
// do, GlobalSavePlanner can.
class DefaultSavePlanner : public GlobalSavePlanner {
 public:
  using GlobalSavePlanner::GlobalSavePlanner;

  // Only Replicas::least_loaded does.
  bool needs_all_plans() const final { return options().replicas == Replicas::least_loaded; }
  // For a StorageWriter: dedups, checks, and makes the metadata.
  GlobalSavePlan create_global_plan(std::vector<SavePlan> plans) final;
  std::vector<PlannedWrite> plan_writes(const Proposals& proposals) const override;
  // The options.
  std::optional<std::string> plans_by() const override;
};

struct LoadOptions {
  // As SaveOptions, and as it was saved.
  bool flatten_state_dict = true;
  bool allow_partial_load = false;    // keys that the checkpoint lacks are left as they are
  ExtensionRegistry extensions = {};  // those that values may have gone through
};

// Loads with a coordinator that sees the plans of all ranks. Derive from it to override
// create_global_plan.
class GlobalLoadPlanner : public LoadPlanner {
 public:
  explicit GlobalLoadPlanner(LoadOptions options = {}) : options_(std::move(options)) {}

  void set_up_planner(StateDict& state_dict, const Metadata& metadata,
                      bool is_coordinator) override;

  // Throws Error{not_found} if keys are missing, with the nearest names that there are and those
  // that nobody asked for; Error{invalid_argument} if something has other sizes, or is another kind
  // of thing; Error{corrupt} if the stored chunks leave a hole in what is wanted.
  LoadPlan create_local_plan() override;
  // The memory of the state dict's own tensor.
  std::optional<TensorView> destination(const ReadItem& item) override;
  TensorView resolve_tensor(const ReadItem& item) override;
  void load_bytes(const ReadItem& item, Value value) override;

  // The piece of the state dict that lies at `index`. Throws Error{invalid_argument} if none does.
  virtual TensorView lookup_tensor(const MetadataIndex& index);

  // The part of `tensor`, which lookup_tensor gave, that `item` fills.
  virtual TensorView transform_tensor(const ReadItem& item, const TensorView& tensor);

  // Once the plan is made: names of this rank's state dict that the checkpoint lacks, and names of
  // the checkpoint that the state dict lacks. In their order there.
  const std::vector<std::string>& missing_keys() const { return missing_; }
  const std::vector<std::string>& unexpected_keys() const { return unexpected_; }

 protected:
  const Metadata& metadata() const { return *metadata_; }
  // Takes these leaves for those of the state dict.
  void set_leaves(std::vector<Leaf> leaves, const Metadata& metadata);

 private:
  LoadOptions options_;
  const Metadata* metadata_ = nullptr;
  Leaves leaves_;
  std::vector<std::string> missing_;
  std::vector<std::string> unexpected_;
};

// The same without a coordinator: each rank plans for itself.
class DefaultLoadPlanner : public GlobalLoadPlanner {
 public:
  using GlobalLoadPlanner::GlobalLoadPlanner;

  bool needs_all_plans() const final { return false; }
  std::vector<LoadPlan> create_global_plan(std::vector<LoadPlan> plans) final { return plans; }
};

// Fills an empty state dict with what the checkpoint has, nested as it was saved: each tensor
// whole, in memory of its own, on every rank.
class EmptyStateDictLoadPlanner : public DefaultLoadPlanner {
 public:
  // All entries, or those whose FQN is one of `keys`, or whose path begins with one of them: "a"
  // leads to {"a": {"b": 1}}, not to {"a.b": 1}.
  explicit EmptyStateDictLoadPlanner(std::optional<std::vector<std::string>> keys = std::nullopt,
                                     const LoadOptions& options = {})
      : DefaultLoadPlanner(options),
        keys_(std::move(keys)),
        allow_partial_load_(options.allow_partial_load) {}

  // Throws Error{invalid_argument} if the state dict is not empty, Error{not_found} if there is
  // nothing for one of the keys, unless allow_partial_load.
  void set_up_planner(StateDict& state_dict, const Metadata& metadata,
                      bool is_coordinator) override;

 private:
  std::optional<std::vector<std::string>> keys_;
  bool allow_partial_load_;
};

// What the planners above do, as functions.

// The items that a rank could write of `state_dict`.
SavePlan create_default_local_save_plan(StateDict& state_dict);

// Each item on one of the ranks whose plans have it; plans stay as many. Items are the same if they
// have one FQN and offset; an empty piece gives way to one with elements. By default DCP's balance:
// the rank with the least bytes so far.
std::vector<SavePlan> dedup_save_plans(std::vector<SavePlan> plans,
                                       bool save_to_lowest_rank = false);

// What the plans, deduped, write together. Checks that the pieces of each tensor cover it and do
// not overlap, and that there is one value under each other name.
//
// Throws Error{invalid_argument}, which names the first fault in order of names.
GlobalSavePlan create_default_global_save_plan(std::vector<SavePlan> plans);

// What a rank reads to fill `state_dict`. With `strict`, every key must be there. Throws as
// GlobalLoadPlanner::create_local_plan.
LoadPlan create_default_local_load_plan(StateDict& state_dict, const Metadata& metadata,
                                        bool strict = true);

// The plans as they are.
std::vector<LoadPlan> create_default_global_load_plan(std::vector<LoadPlan> plans);

// The reads that fill `local_chunks` of a tensor from its stored chunks: one item for each pair
// that overlaps. dest_index.index is the position in `local_chunks`, storage_index.index in the
// stored.
std::vector<ReadItem> create_read_items_for_chunk_list(const std::string& fqn,
                                                       const TensorStorageMetadata& metadata,
                                                       const std::vector<Box>& local_chunks);

// The piece of a tensor (a TensorView or ShardedTensor) that lies at index.offset: its view.
//
// Throws Error{invalid_argument} if `tensor` is none, or none of its pieces lies there.
TensorView find_tensor_shard(const Value& tensor, const MetadataIndex& index);

// The value under index.fqn in a state dict; of a tensor the piece at index.offset.
//
// Throws Error{not_found} if there is no such name, Error{invalid_argument} as find_tensor_shard.
Value find_state_dict_object(StateDict& state_dict, const MetadataIndex& index);

}  // namespace h5dcp
