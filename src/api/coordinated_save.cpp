#include "api/coordinated_save.hpp"

#include <utility>

#include "negotiate/on_coordinator.hpp"

namespace h5dcp {

std::vector<WriteResult> coordinated_save(const Comm& comm, StorageWriter& storage,
                                          SavePlanner& planner, const SavePlan& local_plan,
                                          const StorageMeta& meta, Operation& operation) {
  operation.begin("negotiate");
  Metadata metadata;  // on the coordinator
  const auto answer = on_coordinator<SavePlan>(comm, local_plan, [&](std::vector<SavePlan> plans) {
    auto global = planner.create_global_plan(std::move(plans));
    metadata = std::move(global.metadata);
    return storage.prepare_global_plan(std::move(global.plans));
  });

  operation.begin("write");
  std::vector<WriteResult> results;
  std::vector<Message> sent;
  comm.agree("write", [&] {
    const auto plan = planner.finish_plan(decoded_answer<SavePlan>(answer));
    results = storage.write_data(plan, planner);
    sent.push_back({comm.coordinator(), encode_results(results)});
  });

  operation.begin("commit");
  const auto received = comm.exchange("send results to the coordinator", std::move(sent));
  comm.agree("write", [&] {
    if (!comm.is_coordinator()) return;
    check_all_are_here(comm, received);
    std::vector<std::vector<WriteResult>> all;
    all.reserve(received.size());
    for (const auto& message : received) all.push_back(decode_results(message.bytes));
    for (const auto& rank : all) {
      for (const auto& result : rank) metadata.storage_data[result.index] = result.storage_data;
    }
    metadata.storage_meta = meta;
    storage.finish(metadata, all);
  });
  return results;
}

}  // namespace h5dcp
