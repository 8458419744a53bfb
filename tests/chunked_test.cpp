// Tensors of which each rank's part is a chunk of HDF5: saved and loaded by any ranks, and what of
// them is in the file.

#include <gtest/gtest.h>
#include <mpi.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/copy_checkpoint.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/plan_cache.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "h5dcp/verify.hpp"
#include "outcome.hpp"
#include "sample_state.hpp"

namespace h5dcp {
namespace {

constexpr Hdf5Options kChunked{.layout = Layout::chunk_per_shard};

// Some that are large enough for chunks on 7 ranks: of numbers that 2, 3, 4 and 7 divide, and not.
std::vector<test::Sample> all_samples() {
  auto samples = test::samples();
  samples.push_back({"even", DType::float32, {168, 336}});
  samples.push_back({"odd", DType::float32, {211, 397}});
  samples.push_back({"odd.cube", DType::bfloat16, {43, 41, 37}});
  samples.push_back({"long", DType::int64, {9001}});
  samples.push_back({"wide", DType::complex128, {13, 1201}});
  return samples;
}

// All of them, the i-th distributed in way `way` + i.
StateDict make_state(int way, int rank, int size, bool filled) {
  StateDict state = test::make_state(all_samples(), way, rank, size, filled);
  state["step"] = filled ? Value(17) : Value(0);
  return state;
}

// Tensors of 336 and of 397 columns, of which each rank has some, and others.
StateDict make_columns(int rank, int size, bool filled) {
  const DeviceMesh mesh({size});
  StateDict state;
  for (const auto& sample : {test::Sample{"even", DType::float32, {168, 336}},
                             test::Sample{"odd", DType::float32, {211, 397}},
                             test::Sample{"small", DType::float32, {9, 14}},
                             test::Sample{"long", DType::int64, {9001}}}) {
    const std::vector<Placement> placed{sample.sizes.size() > 1 ? Placement(Shard{1})
                                                                : Placement(Replicate{})};
    const Box box = local_box(sample.sizes, mesh, placed, rank);
    const auto tensor =
        distribute(allocate(sample.dtype, box.sizes), sample.sizes, mesh, placed, rank);
    if (filled) test::fill(sample.fqn, tensor);
    state[sample.fqn] = tensor;
  }
  return state;
}

class Chunked : public testing::Test {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
  }

  std::optional<CheckpointException> try_save(const std::string& path,
                                              const Hdf5Options& options) const {
    StateDict state = make_columns(rank_, size_, true);
    const auto failure = test::failure_of([&] {
      Hdf5Writer writer(path, options);
      save(state, {.storage_writer = &writer});
    });
    test::expect_same(MPI_COMM_WORLD, failure, "save");
    return failure;
  }

  std::string loaded_wrong(const std::string& path) const {
    StateDict state = make_columns(rank_, size_, false);
    load(state, {.checkpoint_id = path});
    return test::wrong_tensors(state);
  }

  int rank_ = 0;
  int size_ = 1;
};

TEST_F(Chunked, LoadBitForBitAtEveryPairOfSizes) {
  const Transfer transfers[] = {Transfer::direct, Transfer::aggregated, Transfer::automatic};
  const auto options = [&](int number) {
    return Hdf5Options{
        .transfer = transfers[number % 3], .piece_bytes = 8192, .layout = Layout::chunk_per_shard};
  };
  for (const int n : test::sizes_here()) {
    const auto path = "pair_" + std::to_string(n) + ".h5";
    for (int way = 0; way < test::kWays; ++way) {
      test::on_ranks(n, [&](MPI_Comm comm, int rank) {
        StateDict state = make_state(way, rank, n, true);
        Hdf5Writer writer(path, options(way));
        save(state, {.storage_writer = &writer, .comm = comm});
        std::string told;
        VerifyArguments tell;
        tell.tell = [&](int, const Damage& damage) { told += to_string(damage) + "\n"; };
        EXPECT_EQ(verify_checkpoint(Comm(comm), path, tell), 0U) << told;
      });
      for (const int m : test::partners_here(n)) {
        test::on_ranks(m, [&](MPI_Comm comm, int rank) {
          StateDict state = make_state(way + n + m, rank, m, false);
          Hdf5Reader reader(path, options(way + m));
          load(state, {.storage_reader = &reader, .comm = comm});
          EXPECT_EQ(test::wrong_tensors(state), "") << way << ": " << n << " -> " << m;
          EXPECT_TRUE(state["step"] == Value(17));
        });
      }
    }
  }
}

TEST_F(Chunked, AreOneChunkABox) {
  try_save("columns.h5", kChunked);
  const CheckpointFile file("columns.h5");
  const auto entry = [&file](const char* fqn) { return file.entry(file.find(fqn).value()); };
  const auto columns = [this](std::int64_t all) { return (all + size_ - 1) / size_; };
  EXPECT_EQ(file.summary().format_version, size_ > 1 ? 5U : 1U);
  const Extents none;
  EXPECT_EQ(entry("even").chunk_shape, size_ > 1 ? Extents({168, columns(336)}) : none);
  EXPECT_EQ(entry("odd").chunk_shape, size_ > 1 ? Extents({211, columns(397)}) : none);
  EXPECT_EQ(entry("small").chunk_shape, none);
  EXPECT_EQ(entry("odd").filters, Filters{});
  EXPECT_EQ(entry("odd").address % 4096, 0U);
  EXPECT_EQ(entry("odd").nbytes, 211U * 397 * 4);
  // The elements of a box follow each other from the address of its chunk on.
  const auto index = file.find("odd").value();
  std::ifstream bytes("columns.h5", std::ios::binary);
  for (const auto& chunk : file.chunks(index)) {
    if (size_ == 1) break;
    const auto number = chunk.box.offsets[1] / columns(397);
    const auto chunk_bytes = static_cast<std::uint64_t>(211 * columns(397) * 4);
    const auto stride = (chunk_bytes + 4095) / 4096 * 4096;
    std::vector<char> stored(chunk_bytes);
    bytes.seekg(static_cast<std::streamoff>(entry("odd").address +
                                            static_cast<std::uint64_t>(number) * stride));
    bytes.read(stored.data(), static_cast<std::streamsize>(stored.size()));
    const auto whole = contiguous_view(stored.data(), DType::float32, {211, columns(397)});
    const auto view = narrow(whole, {{0, 0}, chunk.box.sizes});
    EXPECT_EQ(test::wrong_elements("odd", {DType::float32, {211, 397}, {{chunk.box, view}}}), 0U);
  }
}

TEST_F(Chunked, AreReadInParts) {
  try_save("parts.h5", kChunked);
  const CheckpointFile file("parts.h5");
  const auto stored = file.tensor(file.find("odd").value());
  const Box part{{123, 7}, {45, 380}};
  const auto view = allocate(DType::float32, part.sizes);
  stored.read(part, view);
  EXPECT_EQ(test::wrong_elements("odd", {DType::float32, {211, 397}, {{part, view}}}), 0U);
}

// Of a byte of each box, and of what lies behind the end of the tensor.
TEST_F(Chunked, AFlippedBitIsFound) {
  try_save("good.h5", kChunked);
  const CheckpointFile file("good.h5");
  const auto odd = file.entry(file.find("odd").value());
  const auto columns = (397 + size_ - 1) / size_;
  const auto chunk_bytes = static_cast<std::uint64_t>(211 * columns * 4);
  const auto stride = (chunk_bytes + 4095) / 4096 * 4096;
  const auto last = static_cast<std::uint64_t>((397 - 1) / columns);
  struct Case {
    const char* why;
    std::uint64_t address;
    bool in_tensor;
  };
  std::vector<Case> cases{{"the first element", odd.address, true}};
  if (size_ > 1) {
    const auto row = static_cast<std::uint64_t>(columns) * 4;
    const auto end = odd.address + last * stride;
    cases.push_back({"the last chunk", end + 5 * row, true});
    cases.push_back({"between chunks", odd.address + chunk_bytes, false});
    if (397 % columns != 0) {
      cases.push_back({"behind the end of a row", end + 6 * row - 1, false});
      cases.push_back({"behind the end of the tensor", end + chunk_bytes - 1, false});
    }
  }
  for (const auto& c : cases) {
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank_ == 0) {
      std::filesystem::copy_file("good.h5", "bad.h5",
                                 std::filesystem::copy_options::overwrite_existing);
      std::fstream bad("bad.h5", std::ios::binary | std::ios::in | std::ios::out);
      bad.seekg(static_cast<std::streamoff>(c.address));
      const auto byte = static_cast<char>(bad.get() ^ 4);
      bad.seekp(static_cast<std::streamoff>(c.address));
      bad.put(byte);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    // A segment of what is no tensor may have several ranges.
    std::string told;
    bool found = false;
    for (const auto& damage : verify_checkpoint("bad.h5")) {
      told += to_string(damage) + "\n";
      found = found || (damage.address <= c.address && c.address - damage.address < damage.nbytes);
    }
    EXPECT_TRUE(found) << c.why << ": " << told;
    EXPECT_EQ(told.find("'odd'") != std::string::npos, std::string(c.why) != "between chunks");
    EXPECT_GE(verify_checkpoint(Comm(MPI_COMM_WORLD), "bad.h5"), 1U) << c.why;
    StateDict state = make_columns(rank_, size_, false);
    const auto failure = test::failure_of([&] { load(state, {.checkpoint_id = "bad.h5"}); });
    test::expect_same(MPI_COMM_WORLD, failure, c.why);
    EXPECT_EQ(failure.has_value(), c.in_tensor) << c.why;
    if (failure) {
      EXPECT_NE(std::string(failure->what()).find("'odd' ["), std::string::npos);
    }
  }
}

TEST_F(Chunked, WithoutChecksums) {
  try_save("unhashed.h5", {.checksums = false, .layout = Layout::chunk_per_shard});
  EXPECT_EQ(loaded_wrong("unhashed.h5"), "");
  const auto summary = CheckpointFile("unhashed.h5").summary();
  EXPECT_FALSE(summary.checksums);
  EXPECT_EQ(summary.format_version, size_ > 1 ? 5U : 4U);
  EXPECT_EQ(verify_checkpoint("unhashed.h5").size(), 0U);
}

TEST_F(Chunked, ACopyIsTheSame) {
  try_save("original.h5", kChunked);
  if (rank_ == 0) {
    copy_checkpoint("original.h5", "copy.h5", Overwrite::replace);
    move_checkpoint("copy.h5", "moved.h5", Overwrite::replace);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  EXPECT_EQ(loaded_wrong("moved.h5"), "");
}

TEST_F(Chunked, PlansAreRepeatedInTheSameLayout) {
  PlanCache cache;
  StateDict state = make_columns(rank_, size_, true);
  struct Step {
    bool chunked;
    bool repeats;
  };
  const Step steps[] = {{false, false}, {true, false},  {true, true},
                        {true, true},   {false, false}, {false, true}};
  for (const auto& step : steps) {
    Hdf5Writer writer("again.h5", step.chunked ? kChunked : Hdf5Options{});
    const auto saved = save(state, {.storage_writer = &writer, .plan_cache = &cache});
    EXPECT_EQ(saved.repeated, step.repeats);
    const auto version = CheckpointFile("again.h5").summary().format_version;
    EXPECT_EQ(version, step.chunked && size_ > 1 ? 5U : 1U);
    EXPECT_EQ(loaded_wrong("again.h5"), "");
    EXPECT_EQ(verify_checkpoint("again.h5").size(), 0U);
    MPI_Barrier(MPI_COMM_WORLD);
  }
}

TEST_F(Chunked, RanksMustAgree) {
  const bool is_last = size_ > 1 && rank_ + 1 == size_;
  const auto failure = try_save("mixed.h5", is_last ? Hdf5Options{} : kChunked);
  EXPECT_EQ(failure.has_value(), size_ > 1);
  if (!failure) return;
  EXPECT_EQ(failure->code(), ErrorCode::invalid_argument);
  EXPECT_NE(std::string(failure->what())
                .find("Hdf5Options::layout is 'contiguous', but on rank 0 it is 'chunk_per_shard': "
                      "all ranks must choose the same"),
            std::string::npos)
      << failure->what();
  EXPECT_FALSE(std::filesystem::exists("mixed.h5"));
}

TEST_F(Chunked, GoWithNoOtherWayOfStoring) {
  const Hdf5Options refused[] = {
      {.transfer = Transfer::collective, .layout = Layout::chunk_per_shard},
      {.filters = {.shuffle = true}, .layout = Layout::chunk_per_shard},
      {.files = Files::per_node(), .layout = Layout::chunk_per_shard}};
  for (const auto& options : refused) {
    try {
      const Hdf5Writer writer("x.h5", options);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      EXPECT_NE(std::string(error.what()).find("Hdf5Options::layout is 'chunk_per_shard': "),
                std::string::npos)
          << error.what();
    }
  }
}

TEST_F(Chunked, AreNotReadCollectively) {
  try_save("direct.h5", kChunked);
  StateDict state = make_columns(rank_, size_, false);
  const auto failure = test::failure_of([&] {
    Hdf5Reader reader("direct.h5", {.transfer = Transfer::collective});
    load(state, {.storage_reader = &reader});
  });
  test::expect_same(MPI_COMM_WORLD, failure, "load");
  EXPECT_EQ(failure.has_value(), size_ > 1);
  if (!failure) return;
  EXPECT_EQ(failure->code(), ErrorCode::unsupported) << failure->what();
}

TEST(LayoutNames, AreThoseOfTheEnumerators) {
  EXPECT_EQ(to_string(Layout::contiguous), "contiguous");
  EXPECT_EQ(to_string(Layout::chunk_per_shard), "chunk_per_shard");
}

}  // namespace
}  // namespace h5dcp
