#include <cstdint>
#include <memory>
#include <utility>
#include <variant>

#include "api/stopwatch.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/state_dict_loader.hpp"

namespace h5dcp {
namespace {

// Bytes of tensors that the plan fills.
//
// Throws Error{invalid_argument} if it wants a tensor that is not there.
std::uint64_t bytes_of(const LoadPlan& plan, const Metadata& metadata) {
  std::uint64_t bytes = 0;
  for (const auto& item : plan.items) {
    if (item.type != LoadItemType::tensor) continue;
    const auto& fqn = item.storage_index.fqn;
    const auto stored = metadata.state_dict_metadata.find(fqn);
    const auto* tensor = stored == metadata.state_dict_metadata.end()
                             ? nullptr
                             : std::get_if<TensorStorageMetadata>(&stored->second);
    if (tensor == nullptr) {
      throw Error(ErrorCode::invalid_argument,
                  "load '" + fqn + "': planned as a tensor, which the checkpoint does not have");
    }
    bytes += static_cast<std::uint64_t>(nbytes(tensor->properties.dtype, item.lengths));
  }
  return bytes;
}

// The load itself. Each step either succeeds on all ranks or throws on all.
LoadResult run(const Comm& comm, StateDict& state_dict,
               const std::optional<std::string>& checkpoint_id, StorageReader& storage,
               LoadPlanner& planner) {
  const bool coordinator = comm.rank() == 0;
  Stopwatch stopwatch;
  LoadResult result;

  stopwatch.begin("open");
  comm.agree("open", [&] { storage.reset(checkpoint_id); });
  result.metadata = storage.read_metadata(comm);

  stopwatch.begin("plan");  // every rank for itself: the boxes on disk say all there is to know
  LoadPlan plan;
  std::uint64_t bytes = 0;
  comm.agree("plan", [&] {
    storage.set_up_storage_reader(result.metadata, coordinator);
    planner.set_up_planner(state_dict, result.metadata, coordinator);
    plan = planner.finish_plan(storage.prepare_local_plan(planner.create_local_plan()));
    bytes = bytes_of(plan, result.metadata);
  });

  stopwatch.begin("read");
  storage.read_data(comm, plan, planner);

  result.report = stopwatch.report(comm, "read", bytes);
  return result;
}

}  // namespace

LoadResult load(StateDict& state_dict, const LoadArguments& arguments) {
  const Comm comm(arguments.comm, {.deadline = arguments.deadline, .on_hang = arguments.on_hang});
  std::unique_ptr<StorageReader> own_storage;
  DefaultLoadPlanner own_planner;
  auto* storage = arguments.storage_reader;
  if (storage == nullptr) {
    own_storage = std::make_unique<Hdf5Reader>(arguments.checkpoint_id.value_or(""));
    storage = own_storage.get();
  }
  LoadPlanner& planner = arguments.planner != nullptr ? *arguments.planner : own_planner;
  return run(comm, state_dict, arguments.checkpoint_id, *storage, planner);
}

}  // namespace h5dcp
