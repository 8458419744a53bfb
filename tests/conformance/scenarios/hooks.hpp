// Planners and storages that note each call of them, and fail in the one that they are told to.

#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/storage.hpp"
#include "scenarios/outcome.hpp"

namespace h5dcp::conformance {

// Shared by a planner and a storage.
struct Calls {
  std::vector<std::string> made;
  std::string failing;

  void note(const std::string& name) {
    made.push_back(name);
    if (name == failing) throw Error(ErrorCode::io, "planned fault");
  }
};

// Asks for all data and drops it.
class NotingWriter : public StorageWriter {
 public:
  explicit NotingWriter(Calls& calls) : calls_(calls) {}

  void reset(const std::optional<std::string>& /*checkpoint_id*/) override { calls_.note("reset"); }
  StorageMeta storage_meta() const override {
    calls_.note("storage_meta");
    return {};
  }
  void set_up_storage_writer(bool /*is_coordinator*/) override {
    calls_.note("set_up_storage_writer");
  }
  SavePlan prepare_local_plan(SavePlan plan) override {
    calls_.note("prepare_local_plan");
    return plan;
  }
  std::vector<SavePlan> prepare_global_plan(std::vector<SavePlan> plans) override {
    calls_.note("prepare_global_plan");
    return plans;
  }
  std::vector<WriteResult> write_data(const SavePlan& plan, SavePlanner& planner) override {
    calls_.note("write_data");
    std::vector<WriteResult> results;
    for (const auto& item : plan.items) {
      planner.resolve_data(item);
      results.push_back({item.index});
    }
    return results;
  }
  void finish(const Metadata& /*metadata*/,
              const std::vector<std::vector<WriteResult>>& /*results*/) override {
    calls_.note("finish");
  }

 private:
  Calls& calls_;
};

// Holds "t", `chunks` of a float32 tensor of `size` ones, and the value "k", 7.
class NotingReader : public StorageReader {
 public:
  NotingReader(Calls& calls, std::int64_t size, std::vector<Box> chunks) : calls_(calls) {
    metadata_.state_dict_metadata["k"] = BytesStorageMetadata{EntryKind::scalar};
    metadata_.state_dict_metadata["t"] =
        TensorStorageMetadata{{DType::float32}, {size}, std::move(chunks)};
  }

  void reset(const std::optional<std::string>& /*checkpoint_id*/) override { calls_.note("reset"); }
  Metadata read_metadata() override {
    calls_.note("read_metadata");
    return metadata_;
  }
  void set_up_storage_reader(const Metadata& /*metadata*/, bool /*is_coordinator*/) override {
    calls_.note("set_up_storage_reader");
  }
  LoadPlan prepare_local_plan(LoadPlan plan) override {
    calls_.note("prepare_local_plan");
    return plan;
  }
  std::vector<LoadPlan> prepare_global_plan(std::vector<LoadPlan> plans) override {
    calls_.note("prepare_global_plan");
    return plans;
  }
  void read_data(const LoadPlan& plan, LoadPlanner& planner) override {
    calls_.note("read_data");
    for (const auto& item : plan.items) {
      if (item.type == LoadItemType::byte_io) {
        planner.load_bytes(item, 7);
        continue;
      }
      const auto target = planner.resolve_tensor(item);
      copy_elements(floats(item.lengths, 1), target);
      planner.commit_tensor(item, target);
    }
  }

 private:
  Calls& calls_;
  Metadata metadata_;
};

class NotingSavePlanner : public GlobalSavePlanner {
 public:
  explicit NotingSavePlanner(Calls& calls) : calls_(calls) {}

  void set_up_planner(StateDict& state_dict, const StorageMeta& storage_meta,
                      bool is_coordinator) override {
    calls_.note("set_up_planner");
    GlobalSavePlanner::set_up_planner(state_dict, storage_meta, is_coordinator);
  }
  SavePlan create_local_plan() override {
    calls_.note("create_local_plan");
    return GlobalSavePlanner::create_local_plan();
  }
  GlobalSavePlan create_global_plan(std::vector<SavePlan> plans) override {
    calls_.note("create_global_plan");
    return GlobalSavePlanner::create_global_plan(std::move(plans));
  }
  SavePlan finish_plan(SavePlan plan) override {
    calls_.note("finish_plan");
    return plan;
  }
  std::variant<TensorView, Bytes> resolve_data(const WriteItem& item) override {
    calls_.note("resolve_data");
    return GlobalSavePlanner::resolve_data(item);
  }

 private:
  Calls& calls_;
};

class NotingLoadPlanner : public GlobalLoadPlanner {
 public:
  explicit NotingLoadPlanner(Calls& calls, LoadOptions options = {})
      : GlobalLoadPlanner(options), calls_(calls) {}

  void set_up_planner(StateDict& state_dict, const Metadata& metadata,
                      bool is_coordinator) override {
    calls_.note("set_up_planner");
    GlobalLoadPlanner::set_up_planner(state_dict, metadata, is_coordinator);
  }
  LoadPlan create_local_plan() override {
    calls_.note("create_local_plan");
    return GlobalLoadPlanner::create_local_plan();
  }
  std::vector<LoadPlan> create_global_plan(std::vector<LoadPlan> plans) override {
    calls_.note("create_global_plan");
    return plans;
  }
  LoadPlan finish_plan(LoadPlan plan) override {
    calls_.note("finish_plan");
    return plan;
  }
  TensorView resolve_tensor(const ReadItem& item) override {
    calls_.note("resolve_tensor");
    return GlobalLoadPlanner::resolve_tensor(item);
  }
  void commit_tensor(const ReadItem& /*item*/, const TensorView& /*tensor*/) override {
    calls_.note("commit_tensor");
  }
  void load_bytes(const ReadItem& item, Value value) override {
    calls_.note("load_bytes");
    GlobalLoadPlanner::load_bytes(item, std::move(value));
  }

 private:
  Calls& calls_;
};

}  // namespace h5dcp::conformance
