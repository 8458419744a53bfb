// A save and a load that do everything but the I/O.

#include "h5dcp/null_storage.hpp"

#include <gtest/gtest.h>
#include <mpi.h>

#include <filesystem>

#include "base/whole_box.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "sample_state.hpp"

namespace h5dcp {
namespace {

class CountingPlanner : public DefaultSavePlanner {
 public:
  int resolved = 0;
  int planned = 0;

  SavePlan finish_plan(SavePlan plan) override {
    for (const auto& item : plan.items) planned += item.slices.empty() ? 0 : 1;
    return plan;
  }
  std::variant<TensorView, Bytes> resolve_data(const WriteItem& item) override {
    ++resolved;
    return DefaultSavePlanner::resolve_data(item);
  }
};

class NullStorage : public testing::Test {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
  }
  int rank = 0;
  int size = 1;
};

TEST_F(NullStorage, ASaveResolvesAllThatItPlannedAndLeavesNoFile) {
  StateDict state = test::make_state(0, rank, size, true);
  state["step"] = 3;
  NullWriter writer;
  CountingPlanner planner;
  const auto result =
      save(state, {.checkpoint_id = "null.h5", .storage_writer = &writer, .planner = &planner});
  EXPECT_EQ(planner.resolved, planner.planned);
  int total = 0;
  MPI_Allreduce(&planner.planned, &total, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  EXPECT_GE(total, static_cast<int>(test::samples().size()));  // "empty" is planned by nobody
  EXPECT_EQ(result.metadata, nullptr) << "there is nothing to read back";
  EXPECT_EQ(writer.storage_meta().checkpoint_id, "null.h5");
  EXPECT_FALSE(std::filesystem::exists("null.h5"));
}

TEST_F(NullStorage, ALoadFillsWithZerosAndNulls) {
  StateDict state = test::make_state(0, rank, size, true);
  state["step"] = 3;
  Metadata metadata;
  for (const auto& sample : test::samples()) {
    const Box whole = whole_box(sample.sizes);
    metadata.state_dict_metadata[sample.fqn] =
        TensorStorageMetadata{{sample.dtype}, sample.sizes, {whole}};
  }
  metadata.state_dict_metadata["step"] = BytesStorageMetadata{EntryKind::scalar};
  NullReader reader(metadata);
  load(state, {.storage_reader = &reader});
  EXPECT_TRUE(state["step"] == Value());
  for (const auto& sample : test::samples()) {
    const auto& tensor = std::get<ShardedTensor>(state[sample.fqn]);
    for (const auto& shard : tensor.shards) {
      test::for_each_element(shard, tensor.sizes, [&](std::uint64_t i, const char* element) {
        for (std::size_t b = 0; b < itemsize(sample.dtype); ++b) {
          EXPECT_EQ(element[b], 0) << sample.fqn << " " << i;
        }
      });
    }
  }
}

}  // namespace
}  // namespace h5dcp
