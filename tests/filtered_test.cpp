// Tensors that are filtered: saved and loaded by any ranks, and what of them is in the file.

#include <gtest/gtest.h>
#include <hdf5.h>
#include <mpi.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <string>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "h5dcp/verify.hpp"
#include "outcome.hpp"
#include "sample_state.hpp"

namespace h5dcp {
namespace {

constexpr Filters kDeflate{.compression = Compression::deflate, .level = 6, .shuffle = true};

struct Way {
  const char* name;
  Transfer transfer;
  Filters filters;
};

class Filtered : public testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    path_ = std::string("filtered.") + GetParam().name + ".h5";
  }

  // Whether the file was written: there may be no plugin for the filter.
  bool save_state(StateDict state) {
    Hdf5Writer writer(path_, options());
    const auto failure = test::failure_of([&] { save(state, {.storage_writer = &writer}); });
    test::expect_same(MPI_COMM_WORLD, failure, "save");
    if (failure && failure->code() == ErrorCode::unsupported) {
      EXPECT_NE(std::string(failure->what()).find("plugin for zstd (filter 32015"),
                std::string::npos)
          << failure->what();
      return false;
    }
    EXPECT_EQ(test::text_of(failure), "success");
    return true;
  }

  Hdf5Options options() const {
    return {.transfer = GetParam().transfer, .filters = GetParam().filters};
  }

  int rank_ = 0;
  int size_ = 1;
  std::string path_;
};

TEST_P(Filtered, AreLoadedInOtherDistributions) {
  for (int saved = 0; saved < test::kWays; ++saved) {
    if (!save_state(test::make_state(saved, rank_, size_, true))) {
      GTEST_SKIP() << "HDF5 has no plugin for zstd here";
    }
    for (const int step : {0, 1, 4}) {
      const int loaded = (saved + step) % test::kWays;
      const auto why = "saved " + std::to_string(saved) + ", loaded " + std::to_string(loaded);
      StateDict state = test::make_state(loaded, rank_, size_, false);
      Hdf5Reader reader(path_, {.transfer = GetParam().transfer});
      load(state, {.storage_reader = &reader});
      EXPECT_EQ(test::wrong_tensors(state), "") << why;
    }
    if (rank_ == 0) {
      for (const auto& damage : verify_checkpoint(path_)) ADD_FAILURE() << to_string(damage);
    }
  }
}

TEST_P(Filtered, AreSmallerAndTheRestIsAsEver) {
  const DeviceMesh mesh({size_});
  const std::vector<Placement> rows{Shard{0}};
  const auto zeros = [&](const Extents& sizes) {
    const auto view = allocate(DType::float32, local_box(sizes, mesh, rows, rank_).sizes);
    return distribute(view, sizes, mesh, rows, rank_);
  };
  StateDict state{{"large", zeros({1 << 14, 64})}, {"small", zeros({9, 5})}, {"step", 7}};
  if (!save_state(state)) GTEST_SKIP() << "HDF5 has no plugin for zstd here";
  const CheckpointFile file(path_);
  const auto large = file.entry(file.find("large").value());
  EXPECT_EQ(large.filters, GetParam().filters);
  EXPECT_EQ(large.chunk_shape.size(), 2U);
  EXPECT_EQ(large.nbytes, std::uint64_t{4} << 20);
  std::uint64_t stored = 0;
  for (const auto& chunk : file.chunks(file.find("large").value())) stored += chunk.stored_bytes;
  const bool compressed = GetParam().filters.compression != Compression::none;
  // The last chunk is whole in the file, too.
  EXPECT_TRUE(compressed ? stored < large.nbytes / 50 : stored >= large.nbytes) << stored;
  EXPECT_TRUE(!compressed || file.summary().file_bytes < large.nbytes / 10)
      << file.summary().file_bytes;
  EXPECT_EQ(file.summary().format_version, 2U);
  const auto small = file.entry(file.find("small").value());
  EXPECT_EQ(small.filters, Filters{});
  EXPECT_GT(small.address, 0U);
}

TEST_P(Filtered, AreReadInParts) {
  if (!save_state(test::make_state(0, rank_, size_, true))) {
    GTEST_SKIP() << "HDF5 has no plugin for zstd here";
  }
  const CheckpointFile file(path_);
  const auto stored = file.tensor(file.find("blocks").value());
  const Box part{{123, 7}, {456, 30}};
  const auto view = allocate(DType::float32, part.sizes);
  stored.read(part, view);
  const ShardedTensor read{DType::float32, {700, 40}, {{part, view}}};
  EXPECT_EQ(test::wrong_elements("blocks", read), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Ways, Filtered,
    testing::Values(Way{"deflate", Transfer::direct, kDeflate},
                    Way{"shuffle", Transfer::direct, {.shuffle = true}},
                    Way{"zstd", Transfer::direct, {.compression = Compression::zstd, .level = 3}},
                    Way{"collective", Transfer::collective, kDeflate}),
    [](const auto& test) { return std::string(test.param.name); });

// H5close() makes every identifier invalid, and HDF5 may give its number to something else.
TEST_P(Filtered, AreSavedAndLoadedAfterTheProgramHasClosedHdf5) {
  for (int time = 0; time < 2; ++time) {
    if (!save_state(test::make_state(time, rank_, size_, true))) GTEST_SKIP() << "no such filter";
    StateDict loaded = test::make_state(time + 1, rank_, size_, false);
    Hdf5Reader reader(path_, options());
    EXPECT_EQ(test::text_of(test::failure_of([&] { load(loaded, {.storage_reader = &reader}); })),
              "success");
    EXPECT_EQ(test::wrong_tensors(loaded), "");
    H5close();
  }
}

TEST(Filters, MustBeTheSameOnAllRanks) {
  int rank = 0;
  int size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  StateDict state = test::make_state(0, rank, size, true);
  Hdf5Options options;
  if (rank == size - 1) options.filters = kDeflate;
  Hdf5Writer writer("differs.h5", options);
  const auto failure = test::failure_of([&] { save(state, {.storage_writer = &writer}); });
  test::expect_same(MPI_COMM_WORLD, failure, "save");
  if (size == 1) {
    EXPECT_FALSE(failure);
    return;
  }
  EXPECT_TRUE(failure);
  if (!failure) return;
  EXPECT_EQ(failure->code(), ErrorCode::invalid_argument);
  EXPECT_NE(std::string(failure->what())
                .find("Hdf5Options::filters is 'shuffle, deflate 6', but on rank 0 it is 'none': "
                      "all ranks must choose the same"),
            std::string::npos)
      << failure->what();
  EXPECT_FALSE(std::filesystem::exists("differs.h5"));
}

TEST(Filters, OfALevelWithoutACompressionAreNone) {
  int rank = 0;
  int size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  StateDict state = test::make_state(0, rank, size, true);
  Hdf5Writer writer("level.h5", {.filters = {.level = 5}});
  EXPECT_EQ(test::text_of(test::failure_of([&] { save(state, {.storage_writer = &writer}); })),
            "success");
}

TEST(Filters, WithALevelThatThereIsNot) {
  EXPECT_THROW(Hdf5Writer("x.h5", {.filters = {.compression = Compression::deflate, .level = 10}}),
               Error);
}

TEST(Filters, ChangeWithThePlanThatIsKept) {
  int rank = 0;
  int size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  PlanCache cache;
  for (const bool filtered : {false, true, true, false}) {
    StateDict state = test::make_state(0, rank, size, true);
    Hdf5Options options;
    if (filtered) options.filters = kDeflate;
    Hdf5Writer writer("cached.h5", options);
    const auto saved = save(state, {.storage_writer = &writer, .plan_cache = &cache});
    EXPECT_TRUE(!saved.repeated || !filtered);
    EXPECT_EQ(CheckpointFile("cached.h5").summary().format_version, filtered ? 2U : 1U);
    StateDict loaded = test::make_state(1, rank, size, false);
    load(loaded, {.checkpoint_id = "cached.h5"});
    EXPECT_EQ(test::wrong_tensors(loaded), "");
    MPI_Barrier(MPI_COMM_WORLD);
  }
}

}  // namespace
}  // namespace h5dcp
