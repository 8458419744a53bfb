// Planners that see the plans of all ranks, on one of them. They cost what that costs: without
// need of it derive from DefaultSavePlanner and DefaultLoadPlanner, which do not let
// create_global_plan be overridden.

#include <h5dcp/h5dcp.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "example.hpp"

namespace example {
namespace {

std::uint64_t bytes_of(const h5dcp::WriteItem& item) {
  if (!item.tensor_data) return item.bytes_io_data->nbytes;
  const auto& tensor = *item.tensor_data;
  return static_cast<std::uint64_t>(h5dcp::nbytes(tensor.properties.dtype, tensor.chunk.sizes));
}

// Everything that all ranks have is written by that one which has the least to write of its own.
class LeastBusyWritesReplicas : public h5dcp::GlobalSavePlanner {
 public:
  h5dcp::GlobalSavePlan create_global_plan(std::vector<h5dcp::SavePlan> plans) override {
    GlobalSavePlanner::create_global_plan(plans);  // refuses what contradicts itself

    std::map<h5dcp::MetadataIndex, std::size_t> holders;
    for (const auto& plan : plans) {
      for (const auto& item : plan.items) ++holders[item.index];
    }
    const auto on_all = [&](const h5dcp::WriteItem& item) {
      return holders.at(item.index) == plans.size();
    };
    const auto own_bytes = [&](const h5dcp::SavePlan& plan) {
      std::uint64_t bytes = 0;
      for (const auto& item : plan.items) bytes += on_all(item) ? 0 : bytes_of(item);
      return bytes;
    };
    const auto writer = std::ranges::min_element(plans, {}, own_bytes);
    for (auto plan = plans.begin(); plan != plans.end(); ++plan) {
      if (plan != writer) std::erase_if(plan->items, on_all);
    }
    // Of what only some of the ranks have, the lowest is to write it; this also makes the metadata.
    return h5dcp::create_default_global_save_plan(
        h5dcp::dedup_save_plans(std::move(plans), /*save_to_lowest_rank=*/true));
  }
};

// Refuses to read more than so many bytes, all ranks together.
class WithinBudget : public h5dcp::GlobalLoadPlanner {
 public:
  explicit WithinBudget(std::int64_t bytes) : bytes_(bytes) {}

  std::vector<h5dcp::LoadPlan> create_global_plan(std::vector<h5dcp::LoadPlan> plans) override {
    std::int64_t bytes = 0;
    for (const auto& plan : plans) {
      for (const auto& item : plan.items) {
        if (item.type != h5dcp::LoadItemType::tensor) continue;
        const auto& stored = std::get<h5dcp::TensorStorageMetadata>(
            metadata().state_dict_metadata.at(item.storage_index.fqn));
        bytes += h5dcp::nbytes(stored.properties.dtype, item.lengths);
      }
    }
    if (bytes > bytes_) {  // on one rank; all of them will throw it
      throw h5dcp::Error(
          h5dcp::ErrorCode::invalid_argument,
          "load " + std::to_string(bytes) + " bytes: there may be " + std::to_string(bytes_));
    }
    return plans;
  }

 private:
  std::int64_t bytes_;
};

// The ranks that wrote something of a tensor or value.
std::set<int> writers_of(const std::string& path, const std::string& fqn) {
  const h5dcp::CheckpointFile file(path);
  std::set<int> writers;
  for (const auto& chunk : file.chunks(file.find(fqn).value())) {
    writers.insert(static_cast<int>(chunk.writer));
  }
  return writers;
}

}  // namespace

void plan_for_all(int rank, int ranks) {
  // Each rank has a vector of its own, and the last rank the shortest; all have the bias.
  const std::int64_t length = 100 - rank;
  std::vector<float> own(static_cast<std::size_t>(length), 5);
  std::vector<float> bias(100, 6);
  const auto own_name = "of_rank_" + std::to_string(rank);
  h5dcp::StateDict state{{own_name, h5dcp::contiguous_view(own.data(), {length})},
                         {"bias", h5dcp::contiguous_view(bias.data(), {100})},
                         {"step", 7}};
  LeastBusyWritesReplicas planner;
  h5dcp::save(state, {.checkpoint_id = "planned.h5", .planner = &planner});

  check(writers_of("planned.h5", "bias") == std::set<int>{ranks - 1}, "who wrote the bias");
  check(writers_of("planned.h5", "step") == std::set<int>{ranks - 1}, "who wrote the step");
  check(writers_of("planned.h5", own_name) == std::set<int>{rank}, "who wrote " + own_name);

  std::ranges::fill(own, 0.0F);
  std::ranges::fill(bias, 0.0F);
  state["step"] = 0;
  const std::int64_t all = ranks * 100 * 4 + (100 * ranks - ranks * (ranks - 1) / 2) * 4;
  WithinBudget enough(all);
  h5dcp::load(state, {.checkpoint_id = "planned.h5", .planner = &enough});
  check(std::ranges::count(own, 5.0F) == length, own_name);
  check(std::ranges::count(bias, 6.0F) == 100, "the bias");
  check(state.at("step") == h5dcp::Value(7), "the step");

  WithinBudget too_little(all - 1);
  bool refused = false;
  try {
    h5dcp::load(state, {.checkpoint_id = "planned.h5", .planner = &too_little});
  } catch (const h5dcp::CheckpointException& error) {
    refused = error.code() == h5dcp::ErrorCode::invalid_argument &&
              error.failed_ranks() == std::vector<int>{0};  // the coordinator
  }
  check(refused, "a load above the budget");
}

}  // namespace example
