#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "api/comm_of.hpp"
#include "api/coordinator.hpp"
#include "api/opened_storage.hpp"
#include "api/operation.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "negotiate/on_coordinator.hpp"
#include "plan/entry_walk.hpp"
#include "plan/read_passes.hpp"
#include "state/expanded_state.hpp"
#include "state/leaves_by_name.hpp"

namespace h5dcp {
namespace {

// Puts a plan in the order in which DCP loads: keys at the top sorted, below them as they were set.
void order_as_dcp(LoadPlan& plan, StateDict& state_dict) {
  auto leaves = flatten_state_dict(state_dict);
  std::ranges::stable_sort(leaves, {}, [](const Leaf& leaf) { return leaf.path.front(); });
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < leaves.size(); ++i) places.emplace(leaves[i].fqn, i);
  std::ranges::stable_sort(plan.items, {},
                           [&](const ReadItem& item) { return places.at(item.dest_index.fqn); });
}

// Plans in the order of names, in which the checkpoint is, unless names share memory. The planners
// of others do in the order of the state dict, as in DCP.
class PlannerByName : public DefaultLoadPlanner {
 public:
  void set_up_planner(StateDict& state_dict, const Metadata& metadata,
                      bool /*is_coordinator*/) override {
    state_dict_ = &state_dict;
    set_leaves(leaves_by_name(state_dict), metadata);
  }
  LoadPlan create_local_plan() override {
    auto plan = DefaultLoadPlanner::create_local_plan();
    const auto passes = read_passes(plan.items.size(), [&](std::size_t i) {
      return DefaultLoadPlanner::destination(plan.items[i]);
    });
    names_share_memory_ = !passes.empty();
    if (names_share_memory_) order_as_dcp(plan, *state_dict_);
    return plan;
  }
  // Nullopt if it is known that nothing shares memory, so that nobody looks again.
  std::optional<TensorView> destination(const ReadItem& item) override {
    return names_share_memory_ ? DefaultLoadPlanner::destination(item) : std::nullopt;
  }

 private:
  StateDict* state_dict_ = nullptr;
  bool names_share_memory_ = false;
};

// Bytes of tensors that the plan fills.
//
// Throws Error{invalid_argument} if it wants a tensor that is not there.
std::uint64_t bytes_of(const LoadPlan& plan, const Metadata& metadata) {
  std::uint64_t bytes = 0;
  EntryWalk entries(metadata);
  for (const auto& item : plan.items) {
    if (item.type != LoadItemType::tensor) continue;
    const auto& fqn = item.storage_index.fqn;
    const auto* tensor = std::get_if<TensorStorageMetadata>(entries.find(fqn));
    if (tensor == nullptr) {
      throw Error(ErrorCode::invalid_argument,
                  "load '" + fqn + "': planned as a tensor, which the checkpoint does not have");
    }
    bytes += static_cast<std::uint64_t>(nbytes(tensor->properties.dtype, item.lengths));
  }
  return bytes;
}

// Finds the storage. Collective; nothing has been read then.
void choose(const Comm& comm, OpenedStorage& storage, const LoadArguments& arguments) {
  comm.agree("open", [&] {
    storage.choose(arguments);
    storage.get().reset(arguments.checkpoint_id);
  });
}

// Opens what the plan reads. Collective. If the checkpoint has been replaced since the plan was
// made, takes the new one, for which the plan is good if it has the same entries.
void open_data(const Comm& comm, ParallelStorageReader& storage, const LoadPlan& plan,
               Metadata& metadata) {
  constexpr int kMostTimes = 100;
  for (int time = 1; !storage.open_data(comm, plan); ++time) {
    Metadata now = storage.read_metadata(comm);
    comm.agree("open", [&] {
      const auto& path = metadata.storage_meta.checkpoint_id;
      if (now.state_dict_metadata != metadata.state_dict_metadata ||
          now.planner_data != metadata.planner_data) {
        throw Error(ErrorCode::io, "'" + path +
                                       "' was replaced by a checkpoint of other entries while it "
                                       "was loaded: load it again");
      }
      if (time == kMostTimes) {
        throw Error(ErrorCode::io, "'" + path + "' is replaced again and again");
      }
    });
    metadata = std::move(now);
  }
}

LoadResult load_on(const Comm& comm, StateDict& state_dict, const LoadArguments& arguments) {
  Operation operation(comm, "load", "read", arguments.checkpoint_id);
  OpenedStorage storage;
  PlannerByName own_planner;
  LoadPlanner& planner = arguments.planner != nullptr ? *arguments.planner : own_planner;
  try {
    operation.begin("open");
    LoadResult result;
    choose(comm, storage, arguments);
    // Planners of others get a sorted state dict, as in DCP.
    ExpandedState state(state_dict, arguments.planner != nullptr
                                        ? ExpandedState::Order::sorted
                                        : ExpandedState::Order::sorted_statefuls);
    result.metadata = storage.parallel().read_metadata(comm);
    operation.set_checkpoint(result.metadata.storage_meta.checkpoint_id);

    operation.begin("plan");
    LoadPlan plan;
    comm.agree("plan", [&] {
      state.check();
      planner.set_up_planner(state.get(), result.metadata, comm.is_coordinator());
      storage.get().set_up_storage_reader(result.metadata, comm.is_coordinator());
      plan = storage.get().prepare_local_plan(planner.create_local_plan());
    });
    const bool is_decided = planner.needs_all_plans() || storage.needs_all_plans();
    std::vector<Message> answer;
    if (is_decided) {
      answer = on_coordinator<LoadPlan>(comm, plan, [&](std::vector<LoadPlan> plans) {
        return storage.prepare_global_plan(planner.create_global_plan(std::move(plans)));
      });
    }

    operation.begin("read");
    std::uint64_t bytes = 0;
    comm.agree("finish plan", [&] {
      if (is_decided) plan = decoded_answer<LoadPlan>(answer);
      plan = planner.finish_plan(std::move(plan));
      bytes = bytes_of(plan, result.metadata);
    });
    open_data(comm, storage.parallel(), plan, result.metadata);
    storage.parallel().read_data(comm, plan, planner);
    state.restore();
    comm.agree("restore", [&] { state.check(); });

    result.report = operation.finish(bytes);
    return result;
  } catch (...) {
    operation.fail();
  }
}

}  // namespace

LoadResult load(StateDict& state_dict, const LoadArguments& arguments) {
  return load_on(comm_of(arguments), state_dict, arguments);
}

LoadResult load(StateDict& state_dict, StorageReaderBase& storage_reader) {
  return load(state_dict, {.storage_reader = &storage_reader});
}

LoadResult load_state_dict(StateDict& state_dict, StorageReaderBase& storage_reader, MPI_Comm comm,
                           int coordinator_rank, bool no_dist, LoadPlanner* planner,
                           const Options& options) {
  const LoadArguments arguments{.storage_reader = &storage_reader,
                                .planner = planner,
                                .comm = comm,
                                .no_dist = no_dist,
                                .options = options};
  if (no_dist) return load(state_dict, arguments);
  return load_on(with_coordinator(comm_of(arguments), coordinator_rank), state_dict, arguments);
}

StateDict load_state_dict_from_keys(const std::optional<std::vector<std::string>>& keys,
                                    const LoadArguments& arguments) {
  StateDict state_dict;
  EmptyStateDictLoadPlanner planner(keys);
  LoadArguments own = arguments;
  own.planner = &planner;
  load(state_dict, own);
  return state_dict;
}

Metadata read_metadata(const LoadArguments& arguments) {
  const Comm comm = comm_of(arguments);
  OpenedStorage storage;
  try {
    choose(comm, storage, arguments);
    return storage.parallel().read_metadata(comm);
  } catch (const CheckpointException& failure) {
    throw CheckpointException(failure, "plan");
  }
}

}  // namespace h5dcp
