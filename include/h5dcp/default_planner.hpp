// The planners that save and load use unless told otherwise.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "h5dcp/planner.hpp"

namespace h5dcp {

// Who writes a piece that several ranks hold.
enum class Replicas : std::uint8_t {
  split,        // all of them: slices of at least 1 MiB; a smaller piece whole, by a rank that the
                // name decides
  lowest_rank,  // the lowest rank that holds it
};

struct SaveOptions {
  Replicas replicas = Replicas::split;
};

class DefaultSavePlanner : public SavePlanner {
 public:
  explicit DefaultSavePlanner(SaveOptions options = {}) : options_(options) {}

  void set_up_planner(StateDict& state_dict, const StorageMeta& storage_meta,
                      bool is_coordinator) override;
  SavePlan create_local_plan() override;
  std::vector<PlannedWrite> plan_writes(const Proposals& proposals) const override;
  std::variant<TensorView, Bytes> resolve_data(const WriteItem& item) override;

 private:
  SaveOptions options_;
  std::vector<Leaf> leaves_;
  std::unordered_map<std::string, std::size_t> places_;  // of an FQN in leaves_
};

struct LoadOptions {
  bool allow_partial_load = false;  // keys that the checkpoint lacks are left as they are
};

class DefaultLoadPlanner : public LoadPlanner {
 public:
  explicit DefaultLoadPlanner(LoadOptions options = {}) : options_(options) {}

  void set_up_planner(StateDict& state_dict, const Metadata& metadata,
                      bool is_coordinator) override;
  LoadPlan create_local_plan() override;
  TensorView resolve_tensor(const ReadItem& item) override;
  void load_bytes(const ReadItem& item, Value value) override;

 private:
  LoadOptions options_;
  const Metadata* metadata_ = nullptr;
  std::vector<Leaf> leaves_;
  std::unordered_map<std::string, std::size_t> places_;
};

// The reads that fill `local_chunks` of a tensor from its stored chunks: one item for each pair
// that overlaps. dest_index.index is the position in `local_chunks`, storage_index.index in the
// stored.
std::vector<ReadItem> create_read_items_for_chunk_list(const std::string& fqn,
                                                       const TensorStorageMetadata& metadata,
                                                       const std::vector<Box>& local_chunks);

}  // namespace h5dcp
