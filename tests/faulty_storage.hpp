// Storage and planners that fail where they are told to, to see what becomes of the rest.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/storage.hpp"

namespace h5dcp::test {

inline constexpr int kNever = -1;

// Counts this rank's operations and fails one of them.
class Fault {
 public:
  explicit Fault(int operation) : operation_(operation) {}

  void pass(const std::string& where) {
    if (passed_++ == operation_) throw Error(ErrorCode::io, "planned fault " + where);
  }

 private:
  int operation_;
  int passed_ = 0;
};

// A call of a rank-local method is two operations: fails before it or after it.
template <class Call>
auto around(Fault& fault, const std::string& name, const Call& call) {
  fault.pass("before " + name);
  if constexpr (std::is_void_v<decltype(call())>) {
    call();
    fault.pass("after " + name);
  } else {
    auto result = call();
    fault.pass("after " + name);
    return result;
  }
}

// The same of a collective method: it fails on all ranks or on none.
template <class Call>
auto around(const Comm& comm, Fault& fault, const std::string& name, const Call& call) {
  const auto pass = [&](const std::string& when) {
    comm.agree(name, [&] { fault.pass(when + name); });
  };
  pass("before ");
  if constexpr (std::is_void_v<decltype(call())>) {
    call();
    pass("after ");
  } else {
    auto result = call();
    pass("after ");
    return result;
  }
}

// A writer that fails in operation number `operation` of this rank; kNever on the ranks that shall
// not fail.
class FaultyWriter : public ParallelStorageWriter {
 public:
  FaultyWriter(ParallelStorageWriter& storage, int operation)
      : storage_(storage), fault_(operation) {}

  void reset(const std::optional<std::string>& checkpoint_id) override {
    around(fault_, "reset", [&] { storage_.reset(checkpoint_id); });
  }
  StorageMeta storage_meta() const override {
    return around(fault_, "storage_meta", [&] { return storage_.storage_meta(); });
  }
  void set_up_storage_writer(bool is_coordinator) override {
    around(fault_, "set_up_storage_writer",
           [&] { storage_.set_up_storage_writer(is_coordinator); });
  }
  SavePlan prepare_local_plan(SavePlan plan) override {
    return around(fault_, "prepare_local_plan",
                  [&] { return storage_.prepare_local_plan(std::move(plan)); });
  }
  std::vector<std::vector<StorageData>> prepare_global_plan(
      const Comm& comm, const std::vector<PlannedEntry>& share) override {
    return around(comm, fault_, "prepare_global_plan",
                  [&] { return storage_.prepare_global_plan(comm, share); });
  }
  std::vector<WriteResult> write_data(const Comm& comm, const SavePlan& plan,
                                      SavePlanner& planner) override {
    return around(comm, fault_, "write_data",
                  [&] { return storage_.write_data(comm, plan, planner); });
  }
  void finish(const Comm& comm) override {
    around(comm, fault_, "finish", [&] { storage_.finish(comm); });
  }
  void abandon() noexcept override { storage_.abandon(); }

 private:
  ParallelStorageWriter& storage_;
  mutable Fault fault_;
};

class FaultyReader : public ParallelStorageReader {
 public:
  FaultyReader(ParallelStorageReader& storage, int operation)
      : storage_(storage), fault_(operation) {}

  void reset(const std::optional<std::string>& checkpoint_id) override {
    around(fault_, "reset", [&] { storage_.reset(checkpoint_id); });
  }
  Metadata read_metadata(const Comm& comm) override {
    return around(comm, fault_, "read_metadata", [&] { return storage_.read_metadata(comm); });
  }
  void set_up_storage_reader(const Metadata& metadata, bool is_coordinator) override {
    around(fault_, "set_up_storage_reader",
           [&] { storage_.set_up_storage_reader(metadata, is_coordinator); });
  }
  LoadPlan prepare_local_plan(LoadPlan plan) override {
    return around(fault_, "prepare_local_plan",
                  [&] { return storage_.prepare_local_plan(std::move(plan)); });
  }
  void read_data(const Comm& comm, const LoadPlan& plan, LoadPlanner& planner) override {
    around(comm, fault_, "read_data", [&] { storage_.read_data(comm, plan, planner); });
  }

 private:
  ParallelStorageReader& storage_;
  Fault fault_;
};

// Where a planner fails: in call number `call` of `hook` on this rank. An empty hook is none.
struct FaultyHook {
  std::string hook;
  int call = 0;

  void pass(const std::string& now) {
    if (now == hook && call-- == 0) throw Error(ErrorCode::io, "planned fault in " + now);
  }
};

class FaultySavePlanner : public DefaultSavePlanner {
 public:
  explicit FaultySavePlanner(FaultyHook fault) : fault_(std::move(fault)) {}

  void set_up_planner(StateDict& state_dict, const StorageMeta& storage_meta,
                      bool is_coordinator) override {
    fault_.pass("set_up_planner");
    DefaultSavePlanner::set_up_planner(state_dict, storage_meta, is_coordinator);
  }
  SavePlan create_local_plan() override {
    fault_.pass("create_local_plan");
    return DefaultSavePlanner::create_local_plan();
  }
  std::vector<PlannedWrite> plan_writes(const Proposals& proposals) const override {
    fault_.pass("plan_writes");
    return DefaultSavePlanner::plan_writes(proposals);
  }
  SavePlan finish_plan(SavePlan plan) override {
    fault_.pass("finish_plan");
    return DefaultSavePlanner::finish_plan(std::move(plan));
  }
  std::variant<TensorView, Bytes> resolve_data(const WriteItem& item) override {
    fault_.pass("resolve_data");
    return DefaultSavePlanner::resolve_data(item);
  }

 private:
  mutable FaultyHook fault_;
};

// Calls something once, when the first data are asked for.
class CallingPlanner : public DefaultSavePlanner {
 public:
  explicit CallingPlanner(std::function<void()> call) : call_(std::move(call)) {}

  std::variant<TensorView, Bytes> resolve_data(const WriteItem& item) override {
    if (call_) std::exchange(call_, nullptr)();
    return DefaultSavePlanner::resolve_data(item);
  }

 private:
  std::function<void()> call_;
};

class FaultyLoadPlanner : public DefaultLoadPlanner {
 public:
  explicit FaultyLoadPlanner(FaultyHook fault) : fault_(std::move(fault)) {}

  void set_up_planner(StateDict& state_dict, const Metadata& metadata,
                      bool is_coordinator) override {
    fault_.pass("set_up_planner");
    DefaultLoadPlanner::set_up_planner(state_dict, metadata, is_coordinator);
  }
  LoadPlan create_local_plan() override {
    fault_.pass("create_local_plan");
    return DefaultLoadPlanner::create_local_plan();
  }
  LoadPlan finish_plan(LoadPlan plan) override {
    fault_.pass("finish_plan");
    return DefaultLoadPlanner::finish_plan(std::move(plan));
  }
  TensorView resolve_tensor(const ReadItem& item) override {
    fault_.pass("resolve_tensor");
    return DefaultLoadPlanner::resolve_tensor(item);
  }
  void commit_tensor(const ReadItem& item, const TensorView& tensor) override {
    fault_.pass("commit_tensor");
    DefaultLoadPlanner::commit_tensor(item, tensor);
  }
  void load_bytes(const ReadItem& item, Value value) override {
    fault_.pass("load_bytes");
    DefaultLoadPlanner::load_bytes(item, std::move(value));
  }

 private:
  FaultyHook fault_;
};

}  // namespace h5dcp::test
