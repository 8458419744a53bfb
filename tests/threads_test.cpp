// Several threads of a process that save and load at once: each over a communicator of its own, or
// alone.

#include <gtest/gtest.h>
#include <mpi.h>

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/plan_cache.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "outcome.hpp"
#include "own_folder.hpp"
#include "sample_state.hpp"

namespace h5dcp {
namespace {

class Threads : public testing::Test {
 protected:
  void SetUp() override {
    int level = 0;
    MPI_Query_thread(&level);
    if (level != MPI_THREAD_MULTIPLE) GTEST_SKIP() << "MPI is for one thread";
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    folder_ = test::own_folder();
  }

  // What a thread saves and loads with, other than others.
  struct Way {
    Hdf5Options options = {};
    bool alone = false;
    bool repeats = false;
  };

  // Saves and loads a few times over `comm`.
  void save_and_load(const Way& way, MPI_Comm comm, const std::string& path) const {
    PlanCache cache;
    const int rank = way.alone ? 0 : rank_;
    const int size = way.alone ? 1 : size_;
    for (int version = 0; version < 4; ++version) {
      StateDict saved = test::make_state(version, rank, size, true);
      Hdf5Writer writer(path, way.options);
      EXPECT_EQ(test::text_of(test::failure_of([&] {
                  save(saved, {.storage_writer = &writer,
                               .comm = comm,
                               .no_dist = way.alone,
                               .plan_cache = way.repeats ? &cache : nullptr});
                })),
                "success")
          << path;
      StateDict loaded = test::make_state(version + 1, rank, size, false);
      Hdf5Reader reader(path, way.options);
      EXPECT_EQ(test::text_of(test::failure_of([&] {
                  load(loaded, {.storage_reader = &reader, .comm = comm, .no_dist = way.alone});
                })),
                "success")
          << path;
      EXPECT_EQ(test::wrong_tensors(loaded), "") << path;
    }
    if (rank != 0) return;
    for (const auto& damage : verify_checkpoint(path)) ADD_FAILURE() << to_string(damage);
  }

  int rank_ = 0;
  int size_ = 1;
  std::string folder_;
};

TEST_F(Threads, SaveAndLoadAtOnceOverCommunicatorsOfTheirOwn) {
  const Filters filters{.compression = Compression::deflate, .level = 1};
  const std::vector<Way> ways{{.options = {.transfer = Transfer::direct}},
                              {.options = {.transfer = Transfer::automatic}, .repeats = true},
                              {.options = {.filters = filters}},
                              {.options = {.filters = filters}},
                              {.options = {}, .alone = true},
                              {.options = {.filters = filters}, .alone = true}};
  std::vector<MPI_Comm> comms(ways.size(), MPI_COMM_NULL);
  for (auto& comm : comms) MPI_Comm_dup(MPI_COMM_WORLD, &comm);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const auto whose = ways[i].alone ? ".rank" + std::to_string(rank_) : "";
    threads.emplace_back([&, i, path = folder_ + "/" + std::to_string(i) + whose + ".h5"] {
      save_and_load(ways[i], comms[i], path);
    });
  }
  for (auto& thread : threads) thread.join();
  for (auto& comm : comms) MPI_Comm_free(&comm);
}

// Does something when the first data are asked for: that is in the midst of HDF5's collective
// calls.
class Meanwhile : public DefaultSavePlanner {
 public:
  explicit Meanwhile(std::function<void()> work) : work_(std::move(work)) {}
  std::variant<TensorView, Bytes> resolve_data(const WriteItem& item) override {
    if (const auto work = std::exchange(work_, nullptr)) work();
    return DefaultSavePlanner::resolve_data(item);
  }

 private:
  std::function<void()> work_;
};

TEST_F(Threads, OnlyOneCanBeInsideOfCollectiveTransfers) {
  const Hdf5Options collective{.transfer = Transfer::collective};
  MPI_Comm comms[2] = {MPI_COMM_NULL, MPI_COMM_NULL};
  for (auto& comm : comms) MPI_Comm_dup(MPI_COMM_WORLD, &comm);
  const auto try_save = [&](int i, SavePlanner& planner) {
    StateDict state =
        test::make_state({{"w", DType::int32, {8 * size_, 4}}}, 0, rank_, size_, true);
    Hdf5Writer writer(folder_ + "/" + std::to_string(i) + ".h5", collective);
    return test::failure_of(
        [&] { save(state, {.storage_writer = &writer, .planner = &planner, .comm = comms[i]}); });
  };
  std::optional<CheckpointException> second;
  DefaultSavePlanner usual;
  Meanwhile first([&] { std::thread([&] { second = try_save(1, usual); }).join(); });
  EXPECT_EQ(test::text_of(try_save(0, first)), "success");
  test::expect_failed(second, ErrorCode::invalid_argument, "write",
                      "another thread of this process is inside of HDF5's collective calls");
  EXPECT_EQ(test::text_of(try_save(1, usual)), "success") << "when the other one is over";
  for (auto& comm : comms) MPI_Comm_free(&comm);
}

}  // namespace
}  // namespace h5dcp
