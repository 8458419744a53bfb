// Storages by DCP's contract: every rank for itself, one for all. The storage is that of
// examples/memory_storage.

#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/rank_list.hpp"
#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/extension.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "h5dcp/storage.hpp"
#include "memory_storage.hpp"
#include "outcome.hpp"
#include "sample_state.hpp"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // save_state_dict names a coordinator

namespace h5dcp {
namespace {

using example::MemoryReader;
using example::MemoryStore;
using example::MemoryWriter;
using Calls = std::vector<std::string>;

const std::string kId = "memory:a";

class StorageContract : public testing::Test {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
  }

  // All samples in way number `way`, and values of every kind.
  StateDict make_state(int way, bool filled) const {
    auto state = test::make_state(way, rank, size, filled);
    if (filled) {
      for (auto& [key, value] : values()) state[key] = value;
    } else {
      for (auto& [key, value] : values()) state[key] = "not loaded";
    }
    return state;
  }

  static Map values() {
    return {{"step", 17},
            {"lr", 0.1},
            {"name", "run"},
            {"raw", Bytes{0, 255}},
            {"numbers", List{1, 2, 3}},
            {"mixed", List{1, "a", {}}},
            {"none", {}},
            {"no_list", List{}},
            {"no_map", Map{}},
            {"groups", List{Map{{"betas", List{0.9, 0.99}}}, Map{}}}};
  }

  static void expect_loaded(const StateDict& state, const std::string& why) {
    EXPECT_EQ(test::wrong_tensors(state), "") << why;
    for (const auto& [key, value] : values()) EXPECT_TRUE(state.at(key) == value) << why << key;
  }

  std::vector<StorageBackend> backends() {
    auto all = default_backends();
    all.insert(all.begin(), example::memory_backend(store));
    return all;
  }

  int rank = 0;
  int size = 1;
  MemoryStore store;
};

// Values that were replaced by text must have come from somewhere: a load takes any value there,
// but one that is nested keeps its place.
StateDict nested_places(StateDict state) {
  state["groups"] = List{Map{{"betas", 0}}, Map{}};
  return state;
}

TEST_F(StorageContract, WhatIsSavedIsLoadedInAnyDistribution) {
  for (int way = 0; way < test::kWays; ++way) {
    StateDict state = make_state(way, true);
    DefaultSavePlanner lowest({.replicas = Replicas::lowest_rank});
    save(state, {.checkpoint_id = kId,
                 .planner = way % 2 == 0 ? &lowest : nullptr,
                 .backends = backends()});
    for (const int other : {0, 1, 3}) {
      StateDict loaded = nested_places(make_state(way + other, false));
      load(loaded, {.checkpoint_id = kId, .backends = backends()});
      expect_loaded(loaded,
                    "from way " + std::to_string(way) + " to " + std::to_string(way + other) + " ");
    }
  }
}

TEST_F(StorageContract, IdsGoToTheBackendThatTakesThem) {
  StateDict state{{"w", 1}};
  save(state, {.checkpoint_id = kId, .backends = backends()});
  EXPECT_TRUE(store.contains(kId));
  save(state, {.checkpoint_id = "contract.h5", .backends = backends()});
  EXPECT_EQ(store.size(), 1U);
  EXPECT_EQ(read_metadata({.checkpoint_id = "contract.h5"}).state_dict_metadata.size(), 1U);
  EXPECT_EQ(
      read_metadata({.checkpoint_id = kId, .backends = backends()}).state_dict_metadata.size(), 1U);
  test::expect_failed(test::failure_of([&] {
                        save(state,
                             {.checkpoint_id = "memory:a",
                              .backends = {{.name = "nobody",
                                            .validate_writer_id = [](const auto&) { return false; },
                                            .validate_reader_id = nullptr,
                                            .make_writer = nullptr,
                                            .make_reader = nullptr}}});
                      }),
                      ErrorCode::invalid_argument, "plan", "takes that checkpoint id (nobody)");
}

TEST_F(StorageContract, OnlyTheCoordinatorHasTheData) {
  StateDict state = make_state(0, true);
  for (int coordinator = 0; coordinator < size; ++coordinator) {
    MemoryWriter writer(store, kId);
    save_state_dict(state, writer, MPI_COMM_WORLD, coordinator);
    EXPECT_EQ(store.at(kId).pieces.empty(), rank != coordinator);
    EXPECT_FALSE(store.at(kId).contents.metadata.state_dict_metadata.empty());
    MemoryReader reader(store, kId);
    StateDict loaded = nested_places(make_state(1, false));
    load_state_dict(loaded, reader, MPI_COMM_WORLD, coordinator);
    expect_loaded(loaded, "");
    if (size == 1) continue;
    test::expect_failed(test::failure_of([&] {
                          load_state_dict(loaded, reader, MPI_COMM_WORLD, (coordinator + 1) % size);
                        }),
                        ErrorCode::not_found, "plan",
                        "only the rank that coordinated the save has it");
  }
}

// What was called on this rank, in order.
class TracingWriter : public MemoryWriter {
 public:
  TracingWriter(MemoryStore& store, Calls& calls) : MemoryWriter(store, kId), calls_(calls) {}

  std::vector<std::string> firsts;  // of each rank's plan and results: the first name
  std::size_t pieces = 0;           // in the metadata that finish() got

  void reset(const std::optional<std::string>& checkpoint_id) override {
    calls_.push_back("reset");
    MemoryWriter::reset(checkpoint_id);
  }
  StorageMeta storage_meta() const override {
    calls_.push_back("storage_meta");
    return MemoryWriter::storage_meta();
  }
  void set_up_storage_writer(bool is_coordinator) override {
    calls_.push_back(is_coordinator ? "set_up_storage_writer of the coordinator"
                                    : "set_up_storage_writer");
  }
  SavePlan prepare_local_plan(SavePlan plan) override {
    calls_.push_back("prepare_local_plan");
    plan.storage_data = {1};  // reaches the coordinator, which replaces it
    return plan;
  }
  std::vector<SavePlan> prepare_global_plan(std::vector<SavePlan> plans) override {
    calls_.push_back("prepare_global_plan");
    for (const auto& plan : plans) {
      EXPECT_EQ(plan.storage_data, Bytes{1});
      firsts.push_back(plan.items.front().index.fqn);
    }
    return MemoryWriter::prepare_global_plan(std::move(plans));
  }
  std::vector<WriteResult> write_data(const SavePlan& plan, SavePlanner& planner) override {
    calls_.push_back("write_data");
    return MemoryWriter::write_data(plan, planner);
  }
  void finish(const Metadata& metadata,
              const std::vector<std::vector<WriteResult>>& results) override {
    calls_.push_back("finish");
    for (const auto& result : results) firsts.push_back(result.front().index.fqn);
    pieces = metadata.storage_data.size();
    EXPECT_EQ(metadata.storage_meta.checkpoint_id, kId);
    MemoryWriter::finish(metadata, results);
  }
  void abandon() noexcept override {
    calls_.push_back("abandon");
    MemoryWriter::abandon();
  }

 private:
  Calls& calls_;
};

class TracingSavePlanner : public GlobalSavePlanner {
 public:
  explicit TracingSavePlanner(Calls& calls) : calls_(calls) {}

  std::vector<std::string> firsts;

  void set_up_planner(StateDict& state_dict, const StorageMeta& storage_meta,
                      bool is_coordinator) override {
    calls_.push_back(is_coordinator ? "set_up_planner of the coordinator" : "set_up_planner");
    EXPECT_EQ(storage_meta.checkpoint_id, kId);
    GlobalSavePlanner::set_up_planner(state_dict, storage_meta, is_coordinator);
  }
  SavePlan create_local_plan() override {
    calls_.push_back("create_local_plan");
    return GlobalSavePlanner::create_local_plan();
  }
  GlobalSavePlan create_global_plan(std::vector<SavePlan> plans) override {
    calls_.push_back("create_global_plan");
    for (const auto& plan : plans) firsts.push_back(plan.items.front().index.fqn);
    return GlobalSavePlanner::create_global_plan(std::move(plans));
  }
  SavePlan finish_plan(SavePlan plan) override {
    calls_.push_back("finish_plan");
    return GlobalSavePlanner::finish_plan(std::move(plan));
  }
  std::variant<TensorView, Bytes> resolve_data(const WriteItem& item) override {
    calls_.push_back("resolve_data");
    return GlobalSavePlanner::resolve_data(item);
  }

 private:
  Calls& calls_;
};

TEST_F(StorageContract, WhatASaveCallsAndWhere) {
  const int coordinator = size / 2;
  const bool coordinates = rank == coordinator;
  const std::string suffix = coordinates ? " of the coordinator" : "";
  Calls calls;
  TracingWriter writer(store, calls);
  TracingSavePlanner planner(calls);
  StateDict state{{"of rank " + std::to_string(rank), rank}};
  save_state_dict(state, writer, MPI_COMM_WORLD, coordinator, false, &planner);

  Calls expected{"reset",
                 "storage_meta",
                 "set_up_planner" + suffix,
                 "set_up_storage_writer" + suffix,
                 "create_local_plan",
                 "prepare_local_plan"};
  if (coordinates) expected.insert(expected.end(), {"create_global_plan", "prepare_global_plan"});
  expected.insert(expected.end(), {"finish_plan", "write_data", "resolve_data"});
  if (coordinates) expected.push_back("finish");
  EXPECT_EQ(calls, expected);

  if (!coordinates) return;
  Calls by_rank;
  for (int r = 0; r < size; ++r) by_rank.push_back("of rank " + std::to_string(r));
  EXPECT_EQ(planner.firsts, by_rank);
  for (int r = 0; r < size; ++r) by_rank.push_back("of rank " + std::to_string(r));
  EXPECT_EQ(writer.firsts, by_rank) << "plans by rank, then results by rank";
  EXPECT_EQ(writer.pieces, static_cast<std::size_t>(size));
}

TEST_F(StorageContract, AFailedSaveIsAbandonedEverywhere) {
  struct Refusing : TracingSavePlanner {
    using TracingSavePlanner::TracingSavePlanner;
    GlobalSavePlan create_global_plan(std::vector<SavePlan> /*plans*/) override {
      throw Error(ErrorCode::unsupported, "not like this");
    }
  };
  Calls calls;
  TracingWriter writer(store, calls);
  Refusing planner(calls);
  StateDict state{{"of rank " + std::to_string(rank), rank}};
  test::expect_failed(
      test::failure_of([&] { save(state, {.storage_writer = &writer, .planner = &planner}); }),
      ErrorCode::unsupported, "plan", "not like this" + detected_by({0}, size));
  EXPECT_EQ(calls.back(), "abandon");
  EXPECT_TRUE(store.empty());
}

class TracingReader : public MemoryReader {
 public:
  TracingReader(MemoryStore& store, Calls& calls) : MemoryReader(store, kId), calls_(calls) {}

  void reset(const std::optional<std::string>& checkpoint_id) override {
    calls_.push_back("reset");
    MemoryReader::reset(checkpoint_id);
  }
  Metadata read_metadata() override {
    calls_.push_back("read_metadata");
    return MemoryReader::read_metadata();
  }
  void set_up_storage_reader(const Metadata& metadata, bool is_coordinator) override {
    calls_.push_back(is_coordinator ? "set_up_storage_reader of the coordinator"
                                    : "set_up_storage_reader");
    MemoryReader::set_up_storage_reader(metadata, is_coordinator);
  }
  LoadPlan prepare_local_plan(LoadPlan plan) override {
    calls_.push_back("prepare_local_plan");
    return plan;
  }
  std::vector<LoadPlan> prepare_global_plan(std::vector<LoadPlan> plans) override {
    calls_.push_back("prepare_global_plan");
    return MemoryReader::prepare_global_plan(std::move(plans));
  }
  void read_data(const LoadPlan& plan, LoadPlanner& planner) override {
    calls_.push_back("read_data");
    MemoryReader::read_data(plan, planner);
  }

 private:
  Calls& calls_;
};

class TracingLoadPlanner : public GlobalLoadPlanner {
 public:
  explicit TracingLoadPlanner(Calls& calls) : calls_(calls) {}

  std::vector<std::size_t> items;  // of each rank

  void set_up_planner(StateDict& state_dict, const Metadata& metadata,
                      bool is_coordinator) override {
    calls_.push_back(is_coordinator ? "set_up_planner of the coordinator" : "set_up_planner");
    GlobalLoadPlanner::set_up_planner(state_dict, metadata, is_coordinator);
  }
  LoadPlan create_local_plan() override {
    calls_.push_back("create_local_plan");
    return GlobalLoadPlanner::create_local_plan();
  }
  std::vector<LoadPlan> create_global_plan(std::vector<LoadPlan> plans) override {
    calls_.push_back("create_global_plan");
    for (const auto& plan : plans) items.push_back(plan.items.size());
    return GlobalLoadPlanner::create_global_plan(std::move(plans));
  }
  LoadPlan finish_plan(LoadPlan plan) override {
    calls_.push_back("finish_plan");
    return GlobalLoadPlanner::finish_plan(std::move(plan));
  }
  TensorView resolve_tensor(const ReadItem& item) override {
    calls_.push_back("resolve_tensor");
    return GlobalLoadPlanner::resolve_tensor(item);
  }
  void commit_tensor(const ReadItem& item, const TensorView& tensor) override {
    calls_.push_back("commit_tensor");
    GlobalLoadPlanner::commit_tensor(item, tensor);
  }
  void load_bytes(const ReadItem& item, Value value) override {
    calls_.push_back("load_bytes");
    GlobalLoadPlanner::load_bytes(item, std::move(value));
  }

 private:
  Calls& calls_;
};

TEST_F(StorageContract, WhatALoadCallsAndWhere) {
  const int coordinator = size - 1;
  const bool coordinates = rank == coordinator;
  const std::string suffix = coordinates ? " of the coordinator" : "";
  std::vector<float> memory(4, 2);
  StateDict state{{"w", contiguous_view(memory.data(), {4})}, {"k", 3}};
  MemoryWriter writer(store, kId);
  save_state_dict(state, writer, MPI_COMM_WORLD, coordinator);

  // Rank r wants r values more than rank 0.
  Calls calls;
  TracingReader reader(store, calls);
  TracingLoadPlanner planner(calls);
  memory = {0, 0, 0, 0};
  StateDict wanted{{"w", contiguous_view(memory.data(), {4})}};
  if (rank > 0) wanted["k"] = 0;
  load_state_dict(wanted, reader, MPI_COMM_WORLD, coordinator, false, &planner);
  EXPECT_EQ(memory, std::vector<float>(4, 2));

  Calls expected{"reset",
                 "read_metadata",
                 "set_up_planner" + suffix,
                 "set_up_storage_reader" + suffix,
                 "create_local_plan",
                 "prepare_local_plan"};
  if (coordinates) expected.insert(expected.end(), {"create_global_plan", "prepare_global_plan"});
  expected.insert(expected.end(), {"finish_plan", "read_data"});
  if (rank > 0) expected.push_back("load_bytes");  // of "k", which is sorted before "w"
  expected.insert(expected.end(), {"resolve_tensor", "commit_tensor"});
  EXPECT_EQ(calls, expected);

  if (!coordinates) return;
  std::vector<std::size_t> by_rank(static_cast<std::size_t>(size), 2);
  by_rank.front() = 1;
  EXPECT_EQ(planner.items, by_rank);
}

TEST_F(StorageContract, WhatIsNotThere) {
  StateDict state{{"w", 1}};
  test::expect_failed(
      test::failure_of([&] { load(state, {.checkpoint_id = kId, .backends = backends()}); }),
      ErrorCode::not_found, "plan", "load from 'memory:a': there is none");
  test::expect_failed(
      test::failure_of([&] { read_metadata({.checkpoint_id = kId, .backends = backends()}); }),
      ErrorCode::not_found, "plan", "load from 'memory:a': there is none");

  save(state, {.checkpoint_id = kId, .backends = backends()});
  StateDict other{{"v", 1}};
  test::expect_failed(
      test::failure_of([&] { load(other, {.checkpoint_id = kId, .backends = backends()}); }),
      ErrorCode::not_found, "plan", "'v' (nearest: 'w')");
}

TEST_F(StorageContract, PlansThatDoNotFitTogether) {
  const bool last = rank == size - 1;
  ShardedTensor holed{DType::float32, {8}, {}};
  if (rank == 0) holed.shards.push_back({{{0}, {3}}, allocate(DType::float32, {3})});
  if (last) holed.shards.push_back({{{4}, {4}}, allocate(DType::float32, {4})});
  StateDict state{{"w", holed}};
  test::expect_failed(
      test::failure_of([&] { save(state, {.checkpoint_id = kId, .backends = backends()}); }),
      ErrorCode::invalid_argument, "plan", "save 'w': no rank has [3:4] of [8]");
  EXPECT_TRUE(store.empty());
  if (size == 1) return;
  StateDict differing{{"k", last ? 1 : 2}};
  test::expect_failed(
      test::failure_of([&] { save(differing, {.checkpoint_id = kId, .backends = backends()}); }),
      ErrorCode::invalid_argument, "plan", "save 'k': ");
}

// Where a storage or planner is to fail.
class Trap {
 public:
  std::string hook;
  void pass(const std::string& now) const {
    if (now == hook) throw Error(ErrorCode::io, "planned fault in " + now);
  }
};

class FailingWriter : public MemoryWriter {
 public:
  FailingWriter(MemoryStore& store, Trap trap) : MemoryWriter(store, kId), trap_(std::move(trap)) {}

  void reset(const std::optional<std::string>& checkpoint_id) override {
    trap_.pass("reset");
    MemoryWriter::reset(checkpoint_id);
  }
  void set_up_storage_writer(bool /*is_coordinator*/) override {
    trap_.pass("set_up_storage_writer");
  }
  SavePlan prepare_local_plan(SavePlan plan) override {
    trap_.pass("prepare_local_plan");
    return plan;
  }
  std::vector<SavePlan> prepare_global_plan(std::vector<SavePlan> plans) override {
    trap_.pass("prepare_global_plan");
    auto prepared = MemoryWriter::prepare_global_plan(std::move(plans));
    if (trap_.hook == "too few plans") prepared.pop_back();
    return prepared;
  }
  std::vector<WriteResult> write_data(const SavePlan& plan, SavePlanner& planner) override {
    auto results = MemoryWriter::write_data(plan, planner);
    trap_.pass("write_data");
    return results;
  }
  void finish(const Metadata& metadata,
              const std::vector<std::vector<WriteResult>>& results) override {
    MemoryWriter::finish(metadata, results);
    trap_.pass("finish");
  }

 private:
  Trap trap_;
};

TEST_F(StorageContract, AWriterThatFailsOnOneRankLeavesTheOldCheckpoint) {
  struct Case {
    const char* hook;
    int rank;
    const char* step;
  };
  const int last = size - 1;
  const Case cases[] = {{"reset", last, "plan"},
                        {"set_up_storage_writer", last, "plan"},
                        {"prepare_local_plan", last, "plan"},
                        {"prepare_global_plan", 0, "plan"},
                        {"write_data", last, "write"},
                        {"finish", 0, "write"}};
  StateDict old = make_state(0, true);
  save(old, {.checkpoint_id = kId, .backends = backends()});
  for (const auto& c : cases) {
    FailingWriter writer(store, {rank == c.rank ? c.hook : ""});
    StateDict state{{"new", 1}};
    const auto failure = test::failure_of([&] { save(state, {.storage_writer = &writer}); });
    test::expect_failed(failure, ErrorCode::io, c.step, std::string("planned fault in ") + c.hook);
    EXPECT_EQ(failure.value().failed_ranks(), std::vector<int>{c.rank}) << c.hook;
    StateDict loaded = nested_places(make_state(1, false));
    load(loaded, {.checkpoint_id = kId, .backends = backends()});
    expect_loaded(loaded, c.hook);
  }
  FailingWriter writer(store, {"too few plans"});
  StateDict state{{"new", 1}};
  test::expect_failed(test::failure_of([&] { save(state, {.storage_writer = &writer}); }),
                      ErrorCode::internal, "plan",
                      "made " + std::to_string(size - 1) + " plans for " + std::to_string(size));
}

class FailingReader : public MemoryReader {
 public:
  FailingReader(MemoryStore& store, Trap trap) : MemoryReader(store, kId), trap_(std::move(trap)) {}

  Metadata read_metadata() override {
    trap_.pass("read_metadata");
    return MemoryReader::read_metadata();
  }
  void set_up_storage_reader(const Metadata& /*metadata*/, bool /*is_coordinator*/) override {
    trap_.pass("set_up_storage_reader");
  }
  LoadPlan prepare_local_plan(LoadPlan plan) override {
    trap_.pass("prepare_local_plan");
    return plan;
  }
  std::vector<LoadPlan> prepare_global_plan(std::vector<LoadPlan> plans) override {
    trap_.pass("prepare_global_plan");
    return MemoryReader::prepare_global_plan(std::move(plans));
  }
  void read_data(const LoadPlan& plan, LoadPlanner& planner) override {
    trap_.pass("read_data");
    MemoryReader::read_data(plan, planner);
  }

 private:
  Trap trap_;
};

TEST_F(StorageContract, AReaderThatFailsOnOneRank) {
  struct Case {
    const char* hook;
    int rank;
    const char* step;
  };
  const int last = size - 1;
  const Case cases[] = {{"read_metadata", last, "plan"},
                        {"set_up_storage_reader", last, "plan"},
                        {"prepare_local_plan", last, "plan"},
                        {"prepare_global_plan", 0, "plan"},
                        {"read_data", last, "read"}};
  StateDict state = make_state(0, true);
  save(state, {.checkpoint_id = kId, .backends = backends()});
  for (const auto& c : cases) {
    FailingReader reader(store, {rank == c.rank ? c.hook : ""});
    StateDict loaded = nested_places(make_state(1, false));
    const auto failure = test::failure_of([&] { load(loaded, {.storage_reader = &reader}); });
    test::expect_failed(failure, ErrorCode::io, c.step, std::string("planned fault in ") + c.hook);
    EXPECT_EQ(failure.value().failed_ranks(), std::vector<int>{c.rank}) << c.hook;
  }
}

TEST_F(StorageContract, PlannersWithAndWithoutACoordinatorWriteFilesThatLoadEqual) {
  for (int way = 0; way < test::kWays; ++way) {
    for (const bool global : {false, true}) {
      const auto path = std::string(global ? "global_" : "owners_") + std::to_string(way) + ".h5";
      StateDict state = make_state(way, true);
      DefaultSavePlanner owners;
      GlobalSavePlanner coordinator;
      SavePlanner& planner = global ? static_cast<SavePlanner&>(coordinator) : owners;
      save(state, {.checkpoint_id = path, .planner = &planner});
      if (rank == 0) {
        EXPECT_TRUE(verify_checkpoint(path).empty()) << path;
      }
      for (const int other : {1, 3}) {
        StateDict loaded = nested_places(make_state(way + other, false));
        GlobalLoadPlanner load_planner;
        LoadArguments arguments{.checkpoint_id = path};
        if (global) arguments.planner = &load_planner;
        load(loaded, arguments);
        expect_loaded(loaded, path + " ");
      }
    }
  }
}

TEST_F(StorageContract, AnEmptyPieceMayLieWhereAnotherOneBegins) {
  // Its place among the last rank's pieces is that of the other one among all chunks.
  const auto make = [&](float element) {
    const auto memory = allocate(DType::float32, {8});
    std::fill_n(static_cast<float*>(memory.data), 8, element);
    ShardedTensor tensor{DType::float32, {8}, {}};
    const auto add = [&](std::int64_t offset, std::int64_t count) {
      const Box box{{offset}, {count}};
      tensor.shards.push_back({box, narrow(memory, box)});
    };
    if (rank == 0) add(0, 4);
    if (rank == size - 1) {
      if (size == 1) add(4, 0);
      add(4, 4);
      if (size > 1) add(4, 0);
    }
    return tensor;
  };
  for (const auto& id : {kId, std::string("beside.h5")}) {
    StateDict state{{"w", make(3)}};
    GlobalSavePlanner planner;
    save(state, {.checkpoint_id = id, .planner = &planner, .backends = backends()});
    std::vector<float> memory(8, 0);
    StateDict loaded{{"w", contiguous_view(memory.data(), {8})}};
    load(loaded, {.checkpoint_id = id, .backends = backends()});
    EXPECT_EQ(memory, std::vector<float>(8, 3)) << id;
    const auto part = make(0);
    loaded["w"] = part;
    load(loaded, {.checkpoint_id = id, .backends = backends()});
    for (const auto& shard : part.shards) {
      if (shard.box.sizes[0] == 0) continue;
      EXPECT_EQ(static_cast<const float*>(shard.view.data)[3], 3) << id;
    }
  }
}

// Who wrote the pieces of one entry of a file.
std::vector<std::uint32_t> writers_of(const std::string& path, const std::string& fqn) {
  const CheckpointFile file(path);
  std::vector<std::uint32_t> writers;
  for (const auto& chunk : file.chunks(file.find(fqn).value())) writers.push_back(chunk.writer);
  return writers;
}

TEST_F(StorageContract, TheLeastLoadedRankWrites) {
  std::vector<float> memory(1000, 1);
  StateDict state{{"a", contiguous_view(memory.data(), {1000})},
                  {"b", contiguous_view(memory.data(), {500})},
                  {"c", contiguous_view(memory.data(), {100})},
                  {"d", contiguous_view(memory.data(), {300})}};
  DefaultSavePlanner planner({.replicas = Replicas::least_loaded});
  save(state, {.checkpoint_id = "least.h5", .planner = &planner});
  // By hand, with the bytes that each rank has then: a to 0 (4000), b to 1 (2000), c to 2 if there
  // is one, else to 1; d to the next one that has least.
  const std::uint32_t expected[][4] = {{0, 0, 0, 0}, {0, 1, 1, 1}, {0, 1, 2, 2}, {0, 1, 2, 3}};
  const auto& writers = expected[std::min(size, 4) - 1];
  const char* const fqns[] = {"a", "b", "c", "d"};
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(writers_of("least.h5", fqns[i]), std::vector<std::uint32_t>{writers[i]}) << fqns[i];
  }
}

// Where a planner decides: owners, the coordinator of a file, the coordinator of another storage.
enum class Place { owners, global, memory };

TEST_F(StorageContract, ReplicasThatDifferAreNamed) {
  // Two rows on all ranks. On the last rank an element of the second one is another.
  const auto make = [&](bool differs) {
    const auto bits = allocate(DType::float32, {2, 3});
    if (differs && rank == size - 1) static_cast<float*>(bits.data)[4] = 1;
    const auto row = [&](std::int64_t r) {
      return LocalShard{{{r, 0}, {1, 3}}, narrow(bits, {{r, 0}, {1, 3}})};
    };
    return StateDict{
        {"model", Map{{"w", ShardedTensor{DType::float32, {2, 3}, {row(0), row(1)}}}}}};
  };
  for (const auto& [replicas, place] :
       {std::pair(Replicas::compare, Place::owners), std::pair(Replicas::compare, Place::global),
        std::pair(Replicas::compare, Place::memory), std::pair(Replicas::split, Place::owners),
        std::pair(Replicas::split, Place::global), std::pair(Replicas::split, Place::memory),
        std::pair(Replicas::least_loaded, Place::owners)}) {
    const std::string path = place == Place::owners   ? "compared.h5"
                             : place == Place::global ? "compared_global.h5"
                                                      : kId;
    const SaveOptions options{.replicas = replicas};
    DefaultSavePlanner owners(options);
    GlobalSavePlanner coordinator(options);
    SavePlanner& planner = place == Place::global ? static_cast<SavePlanner&>(coordinator) : owners;
    const auto with = [&](StateDict state) {
      return test::failure_of([&] {
        save(state, {.checkpoint_id = path, .planner = &planner, .backends = backends()});
      });
    };
    const auto failure = with(make(true));
    if (size == 1) {
      EXPECT_FALSE(failure);
      continue;
    }
    const std::string others = size == 2 ? "rank 0" : "ranks 0-" + std::to_string(size - 2);
    test::expect_failed(failure, ErrorCode::invalid_argument, "plan",
                        "save 'model.w': in [1:2, 0:3] rank " + std::to_string(size - 1) +
                            " holds other elements than " + others + ". Shard the tensor");
    EXPECT_FALSE(with(make(false))) << "alike";
    if (place == Place::memory) continue;
    EXPECT_EQ(writers_of(path, "model.w").size(), 2U) << "each row is written by one of them";
  }
}

TEST_F(StorageContract, ComparedReplicasAreWrittenByAllOfTheirHolders) {
  StateDict state{{"w", allocate(DType::uint8, {8 << 20})}};
  DefaultSavePlanner planner({.replicas = Replicas::compare});
  save(state, {.checkpoint_id = "split.h5", .planner = &planner});
  auto writers = writers_of("split.h5", "w");
  std::ranges::sort(writers);
  std::vector<std::uint32_t> all(static_cast<std::size_t>(size));
  std::iota(all.begin(), all.end(), 0U);
  EXPECT_EQ(writers, all);
}

TEST_F(StorageContract, ReplicasThatAreNotComparedMayDiffer) {
  const auto bits = allocate(DType::float32, {3});
  static_cast<float*>(bits.data)[0] = static_cast<float>(rank);
  StateDict state{{"w", bits}};
  DefaultSavePlanner planner({.replicas = Replicas::lowest_rank});
  save(state, {.checkpoint_id = "not_compared.h5", .planner = &planner});
  load(state, {.checkpoint_id = "not_compared.h5"});
  EXPECT_EQ(static_cast<float*>(bits.data)[0], 0) << "as rank 0 has it";
}

// Saves half of each tensor, and numbers as texts.
class Halving : public DefaultSavePlanner {
 public:
  std::vector<std::string> asked;

  Value lookup_object(const MetadataIndex& index) override {
    asked.push_back(index.fqn);
    return DefaultSavePlanner::lookup_object(index);
  }
  std::variant<TensorView, Bytes> transform_object(const WriteItem& item, Value object) override {
    const auto* view = std::get_if<TensorView>(&object);
    if (view == nullptr) return DefaultSavePlanner::transform_object(item, Value(std::int64_t{8}));
    auto halved = allocate(view->dtype, view->sizes);
    copy_elements(*view, halved);
    auto* const elements = static_cast<float*>(halved.data);
    for (std::int64_t i = 0; i < numel(view->sizes); ++i) elements[i] /= 2;
    return halved;
  }
};

// Loads into memory of its own, and adds that to what is there.
class Adding : public DefaultLoadPlanner {
 public:
  int transformed = 0;

  TensorView lookup_tensor(const MetadataIndex& index) override {
    target_ = DefaultLoadPlanner::lookup_tensor(index);
    return allocate(target_.dtype, target_.sizes);
  }
  TensorView transform_tensor(const ReadItem& item, const TensorView& tensor) override {
    ++transformed;
    target_ = DefaultLoadPlanner::transform_tensor(item, target_);
    return DefaultLoadPlanner::transform_tensor(item, tensor);
  }
  void commit_tensor(const ReadItem& /*item*/, const TensorView& tensor) override {
    for (std::int64_t i = 0; i < numel(tensor.sizes); ++i) {
      static_cast<float*>(target_.data)[i] += static_cast<const float*>(tensor.data)[i];
    }
  }

 private:
  TensorView target_;
};

TEST_F(StorageContract, PlannersTransformWhatIsSavedAndLoaded) {
  for (const auto& id : {kId, std::string("transformed.h5")}) {
    std::vector<float> memory{2, 4};
    StateDict state{{"w", contiguous_view(memory.data(), {2})}, {"k", 3}};
    Halving save_planner;
    save(state, {.checkpoint_id = id, .planner = &save_planner, .backends = backends()});
    EXPECT_EQ(memory, (std::vector<float>{2, 4}));
    EXPECT_EQ(save_planner.asked.front(), "k") << "its bytes are part of the plan";
    Adding load_planner;
    load(state, {.checkpoint_id = id, .planner = &load_planner, .backends = backends()});
    EXPECT_EQ(memory, (std::vector<float>{3, 6})) << id;
    EXPECT_EQ(load_planner.transformed, 1);
    EXPECT_TRUE(state.at("k") == Value(8)) << id;
  }
}

TEST_F(StorageContract, ValuesMayBeCompressed) {
  const std::string text(1000, 'a');
  StateDict state{{"text", text}, {"step", 7}};
  DefaultSavePlanner planner({.stream_transforms = {std::make_shared<ZStandard>()}});
  save(state, {.checkpoint_id = kId, .planner = &planner, .backends = backends()});
  const auto& values = store.at(kId).contents.values;
  EXPECT_LT(values.at("text").nbytes, 100U);
  EXPECT_EQ(values.at("step").nbytes, 8U);
  state = {{"text", ""}, {"step", 0}};
  load(state, {.checkpoint_id = kId, .backends = backends()});
  EXPECT_TRUE(state == (StateDict{{"text", text}, {"step", 7}}));
}

TEST_F(StorageContract, StoragesMayAskWhereBytesGo) {
  struct Asking : MemoryReader {
    using MemoryReader::MemoryReader;
    void read_data(const LoadPlan& plan, LoadPlanner& planner) override {
      const auto room = planner.resolve_bytes(plan.items.at(0));
      std::ranges::copy(plan.storage_data, room.begin());
    }
  };
  struct Answering : DefaultLoadPlanner {
    Bytes room = Bytes(3);
    std::span<std::uint8_t> resolve_bytes(const ReadItem& item) override {
      EXPECT_EQ(item.dest_index.fqn, "raw");
      return room;
    }
  };
  StateDict state{{"raw", Bytes{1, 2, 3}}};
  save(state, {.checkpoint_id = kId, .backends = backends()});
  Asking reader(store, kId);
  Answering planner;
  load(state, {.storage_reader = &reader, .planner = &planner});
  EXPECT_EQ(planner.room, (Bytes{1, 2, 3}));
  test::expect_failed(test::failure_of([&] { load(state, {.storage_reader = &reader}); }),
                      ErrorCode::unsupported, "read",
                      "load 'raw': this planner takes values by load_bytes alone");
}

TEST_F(StorageContract, KeysAtTheTopAsOneEntryEach) {
  for (const auto& id : {kId, std::string("top.h5")}) {
    const Map config{{"a.b", 1},
                     {"a", Map{{"b", List{1, "x", Map{}}}}}};  // names alike if flattened
    std::vector<float> memory{2, 4};
    StateDict state{{"w", contiguous_view(memory.data(), {2})}, {"config", config}};
    DefaultSavePlanner save_planner({.flatten_state_dict = false});
    save(state, {.checkpoint_id = id, .planner = &save_planner, .backends = backends()});

    const auto metadata = read_metadata({.checkpoint_id = id, .backends = backends()});
    EXPECT_EQ(metadata.state_dict_metadata.size(), 2U) << id;
    EXPECT_TRUE(metadata.state_dict_metadata.contains("config")) << id;

    memory = {0, 0};
    state["config"] = Map{};
    DefaultLoadPlanner load_planner({.flatten_state_dict = false});
    load(state, {.checkpoint_id = id, .planner = &load_planner, .backends = backends()});
    EXPECT_EQ(memory, (std::vector<float>{2, 4})) << id;
    EXPECT_TRUE(state.at("config") == Value(config)) << id;

    StateDict nested{{"model", Map{{"w", contiguous_view(memory.data(), {2})}}}};
    test::expect_failed(
        test::failure_of([&] {
          save(nested, {.checkpoint_id = id, .planner = &save_planner, .backends = backends()});
        }),
        ErrorCode::unsupported, "plan", "save 'model': store a value: there is a tensor in it");
  }
}

}  // namespace
}  // namespace h5dcp
