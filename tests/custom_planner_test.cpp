// Planners and storages of other people: what they get wrong on one rank is an error on all.

#include <gtest/gtest.h>
#include <mpi.h>

#include <functional>
#include <string>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/null_storage.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "outcome.hpp"

namespace h5dcp {
namespace {

// Does to plans what it is told to.
class WrongPlanner : public DefaultSavePlanner {
 public:
  std::function<void(SavePlan&)> local;
  std::function<void(std::vector<PlannedWrite>&)> writes;

  SavePlan create_local_plan() override {
    auto plan = DefaultSavePlanner::create_local_plan();
    if (local) local(plan);
    return plan;
  }
  std::vector<PlannedWrite> plan_writes(const Proposals& proposals) const override {
    auto planned = DefaultSavePlanner::plan_writes(proposals);
    if (writes && proposals.fqn == "w") writes(planned);
    return planned;
  }
};

class CustomPlanner : public testing::Test {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
  }

  void expect_failed(const std::optional<CheckpointException>& failure, ErrorCode code,
                     const std::string& says) const {
    test::expect_same(MPI_COMM_WORLD, failure, says);
    EXPECT_TRUE(failure) << says;
    if (!failure) return;
    EXPECT_EQ(failure->code(), code) << failure->what();
    EXPECT_NE(std::string(failure->what()).find(says), std::string::npos) << failure->what();
    EXPECT_EQ(failure->failed_ranks().size(), 1U) << failure->what();
  }

  int rank = 0;
  int size = 1;
};

TEST_F(CustomPlanner, ItemsThatAreNotComplete) {
  struct Case {
    std::function<void(WriteItem&)> spoil;
    const char* says;
  };
  const Case cases[] = {
      {[](WriteItem& item) { item.tensor_data.reset(); },
       "save 'w': planned as a tensor without tensor_data"},
      {[](WriteItem& item) { item.type = WriteItemType::byte_io; },
       "save 'w': planned as a value without bytes_io_data"},
      {[](WriteItem& item) {
         item.tensor_data->chunk.sizes = {4, 1};
       },
       "save 'w': planned as a box of offsets [0] and sizes [4, 1] in [4]"},
  };
  for (const auto& c : cases) {
    StateDict state{{"w", allocate(DType::float32, {4})}};
    WrongPlanner planner;
    if (rank == size - 1) planner.local = [&](SavePlan& plan) { c.spoil(plan.items.front()); };
    NullWriter writer;
    expect_failed(
        test::failure_of([&] { save(state, {.storage_writer = &writer, .planner = &planner}); }),
        ErrorCode::invalid_argument, c.says);
  }
}

TEST_F(CustomPlanner, TensorsThatNobodyCanCount) {
  StateDict state{{"w", allocate(DType::float32, {4})}};
  WrongPlanner planner;
  planner.local = [](SavePlan& plan) {
    plan.items.front().tensor_data->size = {std::int64_t{1} << 62};
  };
  NullWriter writer;
  expect_failed(
      test::failure_of([&] { save(state, {.storage_writer = &writer, .planner = &planner}); }),
      ErrorCode::invalid_argument, "save 'w': sizes [4611686018427387904] of float32");
}

TEST_F(CustomPlanner, WritesThatAreNoAnswer) {
  struct Case {
    std::function<void(std::vector<PlannedWrite>&)> spoil;
    const char* says;
  };
  const Case cases[] = {
      {[](auto& writes) { writes[0].holder = 99; },
       "save 'w': the planner's plan_writes chose holder 99"},
      {[](auto& writes) {
         writes[0].box = {{2}, {4}};
       },
       "wants [2:6] from a holder of [0:4]"},
      {[](auto& writes) {
         writes[0].box = {{0, 0}, {4, 1}};
       },
       "wants [0:4, 0:1]"},
      {[](auto& writes) { writes.clear(); }, "lets nobody write [0:4] of [4]"},
      {[](auto& writes) { writes.push_back(writes[0]); }, "written, which overlap"},
      {[](auto& writes) {
         writes[0].box = {{0}, {2}};
         writes.push_back(writes[0]);
       },
       "written, which overlap"},
      {[](auto& writes) {
         writes[0].box = {{0}, {2}};
         writes.push_back({writes[0].holder, {{3}, {1}}});
       },
       "lets nobody write [2:3] of [4]"},
  };
  for (const auto& c : cases) {
    StateDict state{{"w", allocate(DType::float32, {4})}};
    WrongPlanner planner;
    planner.writes = c.spoil;
    NullWriter writer;
    expect_failed(
        test::failure_of([&] { save(state, {.storage_writer = &writer, .planner = &planner}); }),
        ErrorCode::invalid_argument, c.says);
  }
}

TEST_F(CustomPlanner, PlacesThatTheStorageForgot) {
  struct Forgetful : NullWriter {
    std::vector<std::vector<StorageData>> prepare_global_plan(
        const Comm& /*comm*/, const std::vector<PlannedEntry>& /*share*/) override {
      return {};
    }
  };
  StateDict state{{"w", allocate(DType::float32, {4})}};
  Forgetful writer;
  expect_failed(test::failure_of([&] { save(state, {.storage_writer = &writer}); }),
                ErrorCode::internal, "save 'w': the storage has not said where 1 chunks go");
}

TEST_F(CustomPlanner, ReadsOfWhatIsNotThere) {
  struct Inventive : DefaultLoadPlanner {
    bool invent = false;
    LoadPlan finish_plan(LoadPlan plan) override {
      if (invent) plan.items.at(0).storage_index.fqn = "x";
      return plan;
    }
  };
  Metadata metadata;
  metadata.state_dict_metadata["w"] = TensorStorageMetadata{{DType::float32}, {4}, {Box{{0}, {4}}}};
  StateDict state{{"w", allocate(DType::float32, {4})}};
  NullReader reader(metadata);
  Inventive planner;
  planner.invent = rank == size - 1;
  expect_failed(
      test::failure_of([&] { load(state, {.storage_reader = &reader, .planner = &planner}); }),
      ErrorCode::invalid_argument, "load 'x': planned as a tensor");
}

}  // namespace
}  // namespace h5dcp
