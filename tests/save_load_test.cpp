// What n ranks save, m ranks load: bit for bit, however it is distributed there.

#include <gtest/gtest.h>
#include <mpi.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "outcome.hpp"
#include "sample_state.hpp"

namespace h5dcp {
namespace {

std::string name_of(Transfer transfer) {
  return std::string(to_string(transfer));
}

class SaveLoad : public testing::TestWithParam<Transfer> {};

TEST_P(SaveLoad, BitForBitAtEveryPairOfSizes) {
  const Hdf5Options options{.transfer = GetParam(), .piece_bytes = 8192};  // several for some
  for (const int n : test::sizes_here()) {
    const auto path = std::string(name_of(GetParam())) + "_" + std::to_string(n) + ".h5";
    test::on_ranks(n, [&](MPI_Comm comm, int rank) {
      StateDict state = test::make_state(n, rank, n, true);
      Hdf5Writer writer(path, options);
      const auto saved = save(state, {.storage_writer = &writer, .comm = comm});
      EXPECT_EQ(writer.collective_calls().independent, 0U) << n;
      EXPECT_EQ(writer.collective_calls().collective > 0, GetParam() == Transfer::collective);
      if (rank != 0) return;
      for (const auto& damage : verify_checkpoint(path)) ADD_FAILURE() << to_string(damage);
      std::uint64_t bytes = 0;
      for (const auto& sample : test::samples()) {
        bytes += static_cast<std::uint64_t>(nbytes(sample.dtype, sample.sizes));
      }
      const auto metadata = saved.metadata();
      EXPECT_EQ(metadata.state_dict_metadata.size(), test::samples().size());
      EXPECT_EQ(metadata.storage_meta.save_id, writer.storage_meta().save_id);
      EXPECT_EQ(saved.report.bytes, bytes) << "each box is written once, replicas or not";
    });
    for (const int m : test::partners_here(n)) {
      test::on_ranks(m, [&](MPI_Comm comm, int rank) {
        StateDict state = test::make_state(n + m, rank, m, false);
        Hdf5Reader reader(path, options);
        const auto loaded = load(state, {.storage_reader = &reader, .comm = comm});
        EXPECT_EQ(loaded.metadata.storage_meta.checkpoint_id, path);
        EXPECT_FALSE(loaded.metadata.storage_meta.load_id.empty());
        EXPECT_EQ(test::wrong_tensors(state), "") << n << " -> " << m;
        EXPECT_EQ(reader.collective_calls().independent, 0U);
        EXPECT_EQ(reader.collective_calls().collective > 0, GetParam() == Transfer::collective);
      });
    }
  }
}

TEST_P(SaveLoad, EveryDtypeInEveryPlacement) {
  const Hdf5Options options{.transfer = GetParam()};
  const auto path = std::string("dtypes_") + name_of(GetParam()) + ".h5";
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const auto state_of = [&](int shift, bool filled) {
    StateDict state;
    for (std::uint8_t d = 0; d < kDTypes; ++d) {
      for (int way = 0; way < test::kWays; ++way) {
        const test::Sample sample{
            std::string(to_string(DType{d})) + "." + std::to_string(way), DType{d}, {11, 10}};
        const auto tensor = test::make_tensor(sample, way + shift, rank, size);
        if (filled) test::fill(sample.fqn, tensor);
        state[sample.fqn] = tensor;
      }
    }
    return state;
  };
  StateDict saved = state_of(0, true);
  Hdf5Writer writer(path, options);
  save(saved, {.storage_writer = &writer});
  EXPECT_EQ(writer.collective_calls().independent, 0U);
  StateDict loaded = state_of(3, false);
  Hdf5Reader reader(path, options);
  load(loaded, {.storage_reader = &reader});
  EXPECT_EQ(reader.collective_calls().independent, 0U);
  EXPECT_EQ(test::wrong_tensors(loaded), "");
}

// Of a rank's part 1 MiB is moved at once, and what is left with other short ranges.
TEST_P(SaveLoad, LargePartsWithAShortEnd) {
  const auto path = std::string("short_end_") + name_of(GetParam()) + ".h5";
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const auto state_of = [&](bool filled) {
    StateDict state;
    for (const auto* name : {"a", "b"}) {
      const test::Sample sample{name, DType::float32, {std::int64_t{272} * size, 1024}};
      const auto tensor = test::make_tensor(sample, 0, rank, size);
      if (filled) test::fill(sample.fqn, tensor);
      state[sample.fqn] = tensor;
    }
    return state;
  };
  StateDict saved = state_of(true);
  Hdf5Writer writer(path, {.transfer = GetParam()});
  save(saved, {.storage_writer = &writer});
  for (const auto& damage : verify_checkpoint(path)) ADD_FAILURE() << to_string(damage);
  StateDict loaded = state_of(false);
  Hdf5Reader reader(path, {.transfer = GetParam()});
  load(loaded, {.storage_reader = &reader});
  EXPECT_EQ(test::wrong_tensors(loaded), "");
}

TEST(TransferChoice, MustBeTheSameOnAllRanks) {
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const bool last = rank == size - 1;
  const Hdf5Options mixed{.transfer = last ? Transfer::collective : Transfer::direct};
  StateDict state{{"step", 1}};
  save(state, {.checkpoint_id = "same.h5"});
  Hdf5Writer writer("mixed.h5", mixed);
  Hdf5Reader reader("same.h5", mixed);
  const auto refused = [&](const std::function<void()>& call) {
    try {
      call();
      return false;
    } catch (const CheckpointException& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << error.what();
      EXPECT_EQ(error.failed_ranks(), std::vector{size - 1});
      return true;
    }
  };
  EXPECT_EQ(refused([&] { save(state, {.storage_writer = &writer}); }), size > 1);
  EXPECT_EQ(refused([&] { load(state, {.storage_reader = &reader}); }), size > 1);
}

TEST(CheckpointId, IsThePathOfAFile) {
  struct Case {
    const char* why;
    const char* id;
    bool writer, reader;
    const char* said;  // why a writer does not take it
  };
  const Case cases[] = {
      {"a new file", "new.h5", true, true, ""},
      {"in folders that will be made", "a/b/new.h5", true, true, ""},
      {"a folder", "/", false, false, "it is a directory"},
      {"a folder by its form", "new/", false, false, "it names a directory"},
      {"a URL", "s3://bucket/new.h5", false, false, "it is a URL, not a path"},
      {"nothing", "", false, false, "it is empty"},
      {"below a file", "/proc/version/new.h5", false, true, "'/proc/version' is not a directory"}};
  for (const auto& c : cases) {
    EXPECT_EQ(Hdf5Writer::validate_checkpoint_id(c.id), c.writer) << c.why;
    EXPECT_EQ(Hdf5Reader::validate_checkpoint_id(c.id), c.reader) << c.why;
    EXPECT_EQ(Hdf5Writer::why_not(c.id), c.said) << c.why;
  }
  EXPECT_EQ(Hdf5Writer::why_not(std::string("a\0b", 3)), "it has a NUL character in it");
}

TEST_P(SaveLoad, ValuesComeBackAsTheyWere) {
  const StateDict original{
      {"null", Value()},
      {"flag", true},
      {"step", std::int64_t{-7}},
      {"rate", 0.1},
      {"wave", std::complex<double>(1, -2)},
      {"name", "caf\xC3\xA9"},
      {"raw", Bytes{0, 255, 7}},
      {"no_bytes", Bytes{}},
      {"long", std::string(100000, 'x')},
      {"counts", List{1, 2, 3}},
      {"mixed", List{1, "two", Value()}},
      {"nothing", Map{}},
      {"nested", Map{{"list", List{Map{{"a", 1}}, Map{}}}, {"empty", List{}}}},
  };
  const auto path = std::string("values_") + name_of(GetParam()) + ".h5";
  const Hdf5Options options{.transfer = GetParam()};
  StateDict saved = original;
  Hdf5Writer writer(path, options);
  save(saved, {.storage_writer = &writer});
  StateDict loaded{
      {"null", 1},
      {"flag", false},
      {"step", 0},
      {"rate", 0.0},
      {"wave", 0},
      {"name", ""},
      {"raw", Bytes{}},
      {"no_bytes", Bytes{1}},
      {"long", ""},
      {"counts", List{0}},
      {"mixed", List{0}},
      {"nothing", Map{}},
      {"nested", Map{{"list", List{Map{{"a", 0}}, Map{}}}, {"empty", List{}}}},
  };
  Hdf5Reader reader(path, options);
  load(loaded, {.storage_reader = &reader});
  EXPECT_TRUE(loaded == original);
}

TensorView numbered(std::int64_t rows, std::int64_t first) {
  auto view = allocate(DType::int64, {rows, 64});
  auto* const numbers = static_cast<std::int64_t*>(view.data);
  for (std::int64_t i = 0; i < rows * 64; ++i) numbers[i] = first + i;
  return view;
}

// Tied names, of a checkpoint in which they differ. Even ranks tie them, odd ones do not. The state
// dict has the names in another order than the file.
TEST_P(SaveLoad, OfNamesThatShareMemoryTheLastOneWins) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const bool tied = rank % 2 == 0;
  const Hdf5Options options{.transfer = GetParam(), .piece_bytes = 8192};
  for (const std::int64_t rows : {8, 1000}) {  // read whole; in pieces and blocks
    const auto path = "tied_" + std::to_string(rows) + "_" + name_of(GetParam()) + ".h5";
    const auto part = numbered(rows / 2, 2'000'000);
    StateDict saved{{"m", Map{{"a", part},
                              {"y", numbered(rows, 1'000'000)},
                              {"z", numbered(rows, 0)},
                              {"o", numbered(rows, 3'000'000)}}}};
    Hdf5Writer writer(path, options);
    save(saved, {.storage_writer = &writer});

    const auto z = allocate(DType::int64, {rows, 64});
    const auto y = tied ? z : allocate(DType::int64, {rows, 64});
    const Box first_half{{0, 0}, {rows / 2, 64}};
    const auto a = tied ? narrow(z, first_half) : allocate(DType::int64, {rows / 2, 64});
    const auto o = allocate(DType::int64, {rows, 64});
    StateDict loaded{{"m", Map{{"o", o}, {"z", z}, {"y", y}, {"a", a}}}};
    Hdf5Reader reader(path, options);
    load(loaded, {.storage_reader = &reader});
    EXPECT_EQ(reader.collective_calls().independent, 0U);
    const auto wrong = [&](const TensorView& view, std::int64_t from, std::int64_t first) {
      const auto* const numbers = static_cast<const std::int64_t*>(view.data);
      std::int64_t count = 0;
      for (std::int64_t i = from; i < numel(view.sizes); ++i) count += numbers[i] != first + i;
      return count;
    };
    EXPECT_EQ(wrong(a, 0, 2'000'000), 0) << path << ": the last one";
    EXPECT_EQ(wrong(y, tied ? numel(a.sizes) : 0, 1'000'000), 0) << path << ": where 'a' is not";
    EXPECT_EQ(wrong(z, 0, 0), tied ? numel(z.sizes) : 0) << path << ": the first one";
    EXPECT_EQ(wrong(o, 0, 3'000'000), 0) << path;

    // The other way round.
    StateDict again{{"m", Map{{"a", a}, {"y", y}, {"z", z}}}};
    Hdf5Reader again_reader(path, options);
    load(again, {.storage_reader = &again_reader});
    EXPECT_EQ(wrong(z, 0, 0), 0) << path;
  }
}

// Names may be views of one array that reach into each other without sharing an element.
TEST_P(SaveLoad, InterleavedViewsAreLoadedBesideEachOther) {
  const auto path = "interleaved_" + name_of(GetParam()) + ".h5";
  const Hdf5Options options{.transfer = GetParam()};
  const auto columns = [](const TensorView& all) {
    Map names;
    for (std::int64_t c = 0; c < 8; ++c) {
      names["c" + std::to_string(c)] = narrow(all, {{0, 8 * c}, {all.sizes[0], 8}});
    }
    return StateDict{{"m", names}};
  };
  StateDict saved = columns(numbered(100, 0));
  Hdf5Writer writer(path, options);
  save(saved, {.storage_writer = &writer});
  const auto all = allocate(DType::int64, {100, 64});
  StateDict loaded = columns(all);
  Hdf5Reader reader(path, options);
  load(loaded, {.storage_reader = &reader});
  for (std::int64_t i = 0; i < 6400; ++i) {
    ASSERT_EQ(static_cast<const std::int64_t*>(all.data)[i], i);
  }
}

// A rank without a shard names the tensor all the same.
TEST_P(SaveLoad, TensorsOfWhichNoRankHasAShard) {
  const auto path = "no_shards_" + name_of(GetParam()) + ".h5";
  const Hdf5Options options{.transfer = GetParam()};
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const auto save_of = [&](StateDict state) {
    return test::failure_of([&] {
      Hdf5Writer writer(path, options);
      save(state, {.storage_writer = &writer});
    });
  };
  const ShardedTensor empty{DType::float32, {0, 4}, {}};
  const auto w = allocate(DType::float32, {4});
  ShardedTensor on_one{DType::float32, {4}, {}};
  if (rank == size - 1) on_one.shards.push_back({{{0}, {4}}, w});
  EXPECT_FALSE(save_of({{"none", empty}, {"w", on_one}}));
  StateDict loaded{{"none", allocate(DType::float32, {0, 4})}, {"w", on_one}};
  Hdf5Reader reader(path, options);
  EXPECT_FALSE(test::failure_of([&] { load(loaded, {.storage_reader = &reader}); }));

  const ShardedTensor nowhere{DType::float32, {4, 2}, {}};
  test::expect_failed(save_of({{"w", on_one}, {"v", nowhere}}), ErrorCode::invalid_argument, "plan",
                      "save 'v': no rank has [0:4, 0:2] of [4, 2]");
  const ShardedTensor no_scalar{DType::float32, {}, {}};
  test::expect_failed(save_of({{"w", on_one}, {"v", no_scalar}}), ErrorCode::invalid_argument,
                      "plan", "save 'v': no rank has [] of []");
  ShardedTensor scalar = no_scalar;
  if (rank == 0) scalar.shards.push_back({{{}, {}}, allocate(DType::float32, {})});
  EXPECT_FALSE(save_of({{"w", on_one}, {"v", scalar}}));
  StateDict with_scalar{{"v", allocate(DType::float32, {})}};
  EXPECT_FALSE(test::failure_of([&] { load(with_scalar, {.storage_reader = &reader}); }));
  EXPECT_FALSE(test::failure_of([&] {
    StateDict state{{"w", on_one}, {"v", scalar}, {"none", empty}};
    DefaultSavePlanner planner({.replicas = Replicas::least_loaded});
    Hdf5Writer writer(path, options);
    save(state, {.storage_writer = &writer, .planner = &planner});
  })) << "planned by the coordinator";
  if (size == 1) return;
  ShardedTensor other = on_one;
  if (rank == 0) other.dtype = DType::float64;
  test::expect_failed(save_of({{"w", other}}), ErrorCode::invalid_argument, "plan",
                      "save 'w': rank 0 has [4] float64, ");
}

INSTANTIATE_TEST_SUITE_P(Engines, SaveLoad,
                         testing::Values(Transfer::direct, Transfer::collective,
                                         Transfer::aggregated, Transfer::automatic),
                         [](const auto& test) { return name_of(test.param); });

}  // namespace
}  // namespace h5dcp
