#include "api/save.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/choose_storage.hpp"
#include "api/comm_of.hpp"
#include "api/coordinated_save.hpp"
#include "api/coordinator.hpp"
#include "api/operation.hpp"
#include "api/repetition.hpp"
#include "comm/node.hpp"
#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "negotiate/save_negotiation.hpp"
#include "state/expanded_state.hpp"

namespace h5dcp {
namespace {

// From the local plan to one with slices, each with its place in the file. Each step either
// succeeds on all ranks or throws on all.
SavePlan negotiated_plan(const Comm& comm, ParallelStorageWriter& storage, SavePlanner& planner,
                         SavePlan local_plan, Repetition& repetition, Operation& operation) {
  operation.begin("negotiate");  // the only step where plans cross ranks
  const auto negotiation =
      make_negotiation(planner, std::move(local_plan), comm.size(), comm.coordinator());
  std::vector<Message> messages;
  comm.agree("plan", [&] {
    repetition.learn_layout();
    messages = negotiation->proposals();
  });
  messages = comm.exchange("send plans to owners", std::move(messages));
  comm.agree("plan", [&] {
    negotiation->merge(messages, planner);
    messages.clear();
  });

  operation.begin("lay out");
  const auto places = storage.prepare_global_plan(comm, negotiation->share());

  operation.begin("answer");
  comm.agree("lay out", [&] { messages = negotiation->answers(places); });
  messages = comm.exchange("send plans back", std::move(messages));

  operation.begin("write");
  SavePlan plan;
  comm.agree("finish plan", [&] {
    plan = negotiation->apply(messages);
    repetition.learn_plan(plan);
    plan = planner.finish_plan(std::move(plan));
  });
  return plan;
}

// From there to the end; returns what this rank wrote. What negotiating took, which grows with the
// number of tensors, is gone before anything is written.
std::vector<WriteResult> planned_save(const Comm& comm, ParallelStorageWriter& storage,
                                      SavePlanner& planner, SavePlan local_plan,
                                      Repetition& repetition, Operation& operation) {
  const auto plan =
      negotiated_plan(comm, storage, planner, std::move(local_plan), repetition, operation);
  auto written = storage.write_data(comm, plan, planner);

  operation.begin("commit");  // until here, readers see the previous checkpoint
  storage.finish(comm);
  return written;
}

// The same for a plan that has its slices already, from an earlier save: every rank writes, and all
// that they tell each other is how that went.
Report repeated_save(const Comm& comm, RepeatingWriter& storage, SavePlanner& planner,
                     SavePlan plan, const std::string& id, Operation& operation) {
  operation.begin("write");
  const auto step = "write to '" + id + "'";
  const bool exchanges = storage.exchanges();
  if (exchanges) {
    comm.agree(step, [&] { plan = planner.finish_plan(std::move(plan)); });
    storage.exchange_again(comm, plan, planner);
  }
  const auto all = comm.tally(step, [&] {
    const NodeSession session(comm, step);  // a rank that fails before it writes stops the others
    if (!exchanges) plan = planner.finish_plan(std::move(plan));
    const auto written = storage.write_again(comm, plan, planner);
    operation.begin("sync");
    storage.sync_again();
    const auto& counts = written.counts;
    const auto& seconds = operation.stop();
    return Ballot{.sums = {counts[0], counts[1], counts[2], written.bytes},
                  .maxima = {},
                  .values = {seconds[0], seconds[1], seconds[2]}};
  });

  operation.begin("commit");  // until here, readers see the previous checkpoint
  const auto ns = comm.delegate("commit '" + id + "'", comm.coordinator(), [&] {
    storage.commit_again({all.sums[0], all.sums[1], all.sums[2]});
    return static_cast<std::uint64_t>(operation.stop().back() * 1e9);
  });
  std::vector<Spread> phases(all.spreads.begin(), all.spreads.end());
  const double commit = static_cast<double>(ns) * 1e-9;
  phases.push_back({commit, commit, commit, comm.coordinator()});
  return operation.finish(phases, all.sums[3]);
}

}  // namespace

SaveResult save_on(const Comm& comm, StateDict& state_dict, const SaveArguments& arguments) {
  Operation operation(comm, "save", "write", arguments.checkpoint_id);
  std::unique_ptr<StorageWriterBase> own_storage;
  StorageWriterBase* storage = arguments.storage_writer;
  DefaultSavePlanner own_planner;
  SavePlanner& planner = arguments.planner != nullptr ? *arguments.planner : own_planner;
  Repetition repetition(arguments.plan_cache, arguments.plan_cache_key);
  try {
    operation.begin("plan");
    ExpandedState state(state_dict, ExpandedState::Order::as_set);
    StorageMeta meta;
    SavePlan plan;
    const auto all = comm.tally("plan", [&] {
      state.check();
      if (storage == nullptr) {
        own_storage = choose_writer(arguments.backends, arguments.checkpoint_id);
        storage = own_storage.get();
      }
      storage->reset(arguments.checkpoint_id);
      meta = storage->storage_meta();
      operation.set_checkpoint(meta.checkpoint_id);
      planner.set_up_planner(state.get(), meta, comm.is_coordinator());
      storage->set_up_storage_writer(comm.is_coordinator());
      plan = storage->prepare_local_plan(planner.create_local_plan());
      return repetition.propose(comm, *storage, planner, plan);
    });

    SaveResult result;
    result.repeated = repetition.agreed(all, *storage, plan);
    if (result.repeated) {
      result.report = repeated_save(comm, repetition.writer(), planner, std::move(plan),
                                    meta.checkpoint_id, operation);
    } else {
      auto* const parallel = dynamic_cast<ParallelStorageWriter*>(storage);
      const auto written =
          parallel != nullptr
              ? planned_save(comm, *parallel, planner, std::move(plan), repetition, operation)
              : coordinated_save(comm, dynamic_cast<StorageWriter&>(*storage), planner, plan, meta,
                                 operation);
      std::uint64_t bytes = 0;
      for (const auto& piece : written) bytes += piece.size_in_bytes;
      result.report = operation.finish(bytes);
      repetition.keep();
    }
    if (dynamic_cast<const Hdf5Writer*>(storage) != nullptr) {
      result.metadata = [path = meta.checkpoint_id] { return CheckpointFile(path).metadata(); };
    }
    return result;
  } catch (...) {
    if (storage != nullptr) storage->abandon();
    repetition.forget();
    operation.fail();
  }
}

SaveResult save(StateDict& state_dict, const SaveArguments& arguments) {
  return save_on(comm_of(arguments), state_dict, arguments);
}

SaveResult save(StateDict& state_dict, StorageWriterBase& storage_writer) {
  return save(state_dict, {.storage_writer = &storage_writer});
}

SaveResult save_state_dict(StateDict& state_dict, StorageWriterBase& storage_writer, MPI_Comm comm,
                           int coordinator_rank, bool no_dist, SavePlanner* planner,
                           const Options& options) {
  const SaveArguments arguments{.storage_writer = &storage_writer,
                                .planner = planner,
                                .comm = comm,
                                .no_dist = no_dist,
                                .options = options};
  if (no_dist) return save(state_dict, arguments);
  return save_on(with_coordinator(comm_of(arguments), coordinator_rank), state_dict, arguments);
}

}  // namespace h5dcp
