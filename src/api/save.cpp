#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "api/stopwatch.hpp"
#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "negotiate/save_negotiation.hpp"

namespace h5dcp {
namespace {

// The save itself. Each step either succeeds on all ranks or throws on all.
SaveResult run(const Comm& comm, StateDict& state_dict,
               const std::optional<std::string>& checkpoint_id, StorageWriter& storage,
               SavePlanner& planner) {
  const bool coordinator = comm.rank() == 0;
  Stopwatch stopwatch;

  stopwatch.begin("plan");
  std::optional<SaveNegotiation> negotiation;
  std::vector<Message> proposals;
  comm.agree("plan", [&] {
    storage.reset(checkpoint_id);
    storage.set_up_storage_writer(coordinator);
    planner.set_up_planner(state_dict, storage.storage_meta(), coordinator);
    negotiation.emplace(storage.prepare_local_plan(planner.create_local_plan()), comm.size());
    proposals = negotiation->proposals();
  });

  stopwatch.begin("negotiate");  // the only step where plans cross ranks
  proposals = comm.exchange("send plans to owners", proposals);
  comm.agree("plan", [&] { negotiation->merge(proposals, planner); });

  stopwatch.begin("lay out");
  const auto places = storage.prepare_global_plan(comm, negotiation->share());

  stopwatch.begin("answer");
  std::vector<Message> answers;
  comm.agree("lay out", [&] { answers = negotiation->answers(places); });
  answers = comm.exchange("send plans back", answers);
  SavePlan plan;
  comm.agree("plan", [&] { plan = planner.finish_plan(negotiation->apply(answers)); });

  stopwatch.begin("write");
  const auto written = storage.write_data(comm, plan, planner);

  stopwatch.begin("commit");  // until here, readers see the previous checkpoint
  storage.finish(comm);

  std::uint64_t bytes = 0;
  for (const auto& result : written) bytes += result.size_in_bytes;
  return {stopwatch.report(comm, "write", bytes), nullptr};
}

}  // namespace

SaveResult save(StateDict& state_dict, const SaveArguments& arguments) {
  const Comm comm(arguments.comm, {.deadline = arguments.deadline, .on_hang = arguments.on_hang});
  std::unique_ptr<StorageWriter> own_storage;
  DefaultSavePlanner own_planner;
  auto* storage = arguments.storage_writer;
  if (storage == nullptr) {
    own_storage = std::make_unique<Hdf5Writer>(arguments.checkpoint_id.value_or(""));
    storage = own_storage.get();
  }
  SavePlanner& planner = arguments.planner != nullptr ? *arguments.planner : own_planner;
  try {
    auto result = run(comm, state_dict, arguments.checkpoint_id, *storage, planner);
    if (const auto* hdf5 = dynamic_cast<const Hdf5Writer*>(storage)) {
      result.metadata = [path = hdf5->storage_meta().checkpoint_id] {
        return CheckpointFile(path).metadata();
      };
    }
    return result;
  } catch (...) {
    storage->abandon();
    throw;
  }
}

}  // namespace h5dcp
