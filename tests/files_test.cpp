// Checkpoints with data files: what n ranks save, m ranks load, and each file is what it should be.

#include "h5dcp/files.hpp"

#include <gtest/gtest.h>
#include <mpi.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/plan_cache.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "h5dcp/verify.hpp"
#include "outcome.hpp"
#include "sample_state.hpp"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;

// Some that stay in the checkpoint itself, and some that do not.
std::vector<test::Sample> all_samples() {
  auto samples = test::samples();
  samples.push_back({"large", DType::float32, {70, 600}});
  samples.push_back({"large.inner", DType::bfloat16, {64, 31, 33}});  // a group and a dataset
  samples.push_back({"other.large", DType::int64, {9001}});
  samples.push_back({"odd/%name", DType::uint8, {300, 300}});
  return samples;
}

StateDict make_state(int way, int rank, int size, bool filled) {
  StateDict state;
  int next = way;
  for (const auto& sample : all_samples()) {
    const auto tensor = test::make_tensor(sample, next++, rank, size);
    if (filled) test::fill(sample.fqn, tensor);
    state[sample.fqn] = tensor;
  }
  state["step"] = filled ? Value(17) : Value(0);
  return state;
}

std::vector<int> sizes_here() {
  int world = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &world);
  std::vector<int> sizes;
  for (const int size : {1, 2, 3, 4, 7}) {
    if (size <= world) sizes.push_back(size);
  }
  return sizes;
}

// Runs `work(comm, rank)` on the first `ranks` ranks.
void on_ranks(int ranks, const std::function<void(MPI_Comm, int)>& work) {
  MPI_Comm comm = test::first_ranks(ranks);
  if (comm != MPI_COMM_NULL) {
    int rank = 0;
    MPI_Comm_rank(comm, &rank);
    work(comm, rank);
    MPI_Comm_free(&comm);
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& file : fs::directory_iterator(folder)) names.insert(file.path().filename());
  return names;
}

struct Way {
  const char* name;
  Files files;
  int most_files;  // of data, at 7 ranks
};

class FilesOf : public testing::TestWithParam<Way> {};

TEST_P(FilesOf, LoadBitForBitAtEveryPairOfSizes) {
  const Hdf5Options options{.piece_bytes = 8192, .files = GetParam().files};
  for (const int n : sizes_here()) {
    const auto folder = std::string(GetParam().name) + "_" + std::to_string(n);
    const auto path = folder + "/saved.h5";
    on_ranks(n, [&](MPI_Comm comm, int rank) {
      if (rank == 0) fs::remove_all(folder);
      MPI_Barrier(comm);
      StateDict state = make_state(n, rank, n, true);
      Hdf5Writer writer(path, options);
      for (int time = 0; time < 2; ++time) save(state, {.storage_writer = &writer, .comm = comm});
      std::string told;
      VerifyArguments tell;
      tell.tell = [&](int, const Damage& damage) { told += to_string(damage) + "\n"; };
      EXPECT_EQ(verify_checkpoint(Comm(comm), path, tell), 0U) << told;
      if (rank != 0) return;
      const CheckpointFile file(path);
      const auto count = file.summary().data_files;
      EXPECT_EQ(file.summary().format_version, 3U);
      EXPECT_GE(count, 1U);
      EXPECT_LE(count, static_cast<std::uint32_t>(GetParam().most_files));
      EXPECT_EQ(names_in(folder).size(), 2U) << "those of the first save are gone";
      EXPECT_EQ(names_in(fs::path(file.data_file_path(1)).parent_path()).size(), count);
      for (const auto& damage : verify_checkpoint(path)) ADD_FAILURE() << to_string(damage);
      EXPECT_TRUE(file.data_file_faults().empty());
      EXPECT_TRUE(file.entry(file.find("vector").value()).data_files.empty()) << "it is small";
      EXPECT_FALSE(file.entry(file.find("large").value()).data_files.empty());
      EXPECT_LT(file.summary().file_bytes, file.summary().data_bytes);
    });
    for (const int m : sizes_here()) {
      on_ranks(m, [&](MPI_Comm comm, int rank) {
        StateDict state = make_state(n + m, rank, m, false);
        load(state, {.checkpoint_id = path, .comm = comm});
        EXPECT_EQ(test::wrong_tensors(state), "") << n << " -> " << m;
        EXPECT_TRUE(state["step"] == Value(17));
      });
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, FilesOf,
                         testing::Values(Way{"one_data_file", Files::number(1), 1},
                                         Way{"three", Files::number(3), 3},
                                         Way{"per_node", Files::per_node(), 1},
                                         Way{"per_rank", Files::per_ranks(1), 7},
                                         Way{"per_two_ranks", Files::per_ranks(2), 4}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace h5dcp
