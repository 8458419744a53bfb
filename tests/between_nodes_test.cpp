// Saves of ranks on several nodes, which are played by neighbours of one: what they exchange before
// they write, and that the file is the same however many nodes there are.

#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "comm/node.hpp"
#include "faulty_storage.hpp"
#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/plan_cache.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "outcome.hpp"
#include "own_folder.hpp"
#include "sample_state.hpp"

// MPI's profiling interface counts what a save asks of it.
namespace {

struct Traffic {
  int agrees = 0;     // allreduces of 16 bytes
  int tallies = 0;    // allreduces of 168
  int exchanges = 0;  // as each ends in a barrier
  bool operator==(const Traffic&) const = default;
};
Traffic traffic;

std::string to_string(const Traffic& seen) {
  return std::to_string(seen.agrees) + " agrees, " + std::to_string(seen.tallies) + " tallies, " +
         std::to_string(seen.exchanges) + " exchanges";
}

}  // namespace

extern "C" int MPI_Iallreduce(const void* in, void* out, int count, MPI_Datatype type, MPI_Op op,
                              MPI_Comm comm, MPI_Request* request) {
  int size = 0;
  MPI_Type_size(type, &size);
  traffic.agrees += count * size == 16 ? 1 : 0;
  traffic.tallies += count * size == 168 ? 1 : 0;
  return PMPI_Iallreduce(in, out, count, type, op, comm, request);
}
extern "C" int MPI_Ibarrier(MPI_Comm comm, MPI_Request* request) {
  traffic.exchanges += 1;
  return PMPI_Ibarrier(comm, request);
}

namespace h5dcp {
namespace {

constexpr int kRows = 0;  // ways of test::placements()
constexpr int kColumns = 1;

// So many ranks make a node.
class Nodes {
 public:
  explicit Nodes(int ranks_a_node) {
    MPI_Comm_dup(MPI_COMM_WORLD, &parent_);
    comm_ = std::make_unique<Comm>(parent_, CommOptions{.ranks_a_node = ranks_a_node});
    connect_node(*comm_);  // else the first save does
  }
  Nodes(const Nodes&) = delete;
  Nodes& operator=(const Nodes&) = delete;
  ~Nodes() {
    comm_.reset();
    MPI_Comm_free(&parent_);
  }

  MPI_Comm get() const { return parent_; }
  bool several() const { return comm_->nodes().back() > 0; }

 private:
  MPI_Comm parent_ = MPI_COMM_NULL;
  std::unique_ptr<Comm> comm_;
};

class BetweenNodes : public testing::Test {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    folder_ = test::own_folder();
  }

  // Returns what the save took; fails the test if it fails.
  Traffic save_to(const std::string& path, StateDict& state, const Hdf5Options& options,
                  const Nodes& nodes, PlanCache* cache = nullptr, bool repeated = false) const {
    Hdf5Writer writer(path, options);
    traffic = {};
    const auto failure = test::failure_of([&] {
      const auto result =
          save(state, {.storage_writer = &writer, .comm = nodes.get(), .plan_cache = cache});
      EXPECT_EQ(result.repeated, repeated);
    });
    const auto seen = traffic;
    EXPECT_EQ(test::text_of(failure), "success");
    return seen;
  }

  // A state of one tensor of some kilobytes.
  StateDict small(int way, int version = 0) const {
    return filled({{"w", DType::float32, {6 * size_, 8 * size_}}}, way, version);
  }

  // Each rank has every so many-th column: its boxes lie between each other.
  ShardedTensor combs() const {
    ShardedTensor tensor{.dtype = DType::int16, .sizes = {50, 3 * size_}, .shards = {}};
    for (int i = 0; i < 3; ++i) {
      tensor.shards.push_back({{{0, i * size_ + rank_}, {50, 1}}, allocate(DType::int16, {50, 1})});
    }
    test::fill("combs", tensor);
    return tensor;
  }

  StateDict filled(const std::vector<test::Sample>& samples, int way, int version) const {
    StateDict state;
    for (const auto& sample : samples) {
      const auto tensor = test::make_tensor(sample, way++, rank_, size_);
      test::fill(sample.fqn + std::to_string(version), tensor);
      state[sample.fqn] = tensor;
    }
    return state;
  }

  // But for the record.
  void expect_same_bytes(const std::string& a, const std::string& b, const std::string& why) const {
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank_ == 0) {
      const auto one = read_file(a);
      const auto other = read_file(b);
      EXPECT_EQ(one.size(), other.size()) << why;
      EXPECT_TRUE(one.size() > 4096 &&
                  std::equal(one.begin() + 4096, one.end(), other.begin() + 4096, other.end()))
          << why;
      EXPECT_TRUE(verify_checkpoint(b).empty()) << why;
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }

  static std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  int rank_ = 0;
  int size_ = 1;
  std::string folder_;
};

TEST_F(BetweenNodes, TheFileIsTheSameAsOfOneNode) {
  auto samples = test::samples();
  samples.push_back({"long", DType::float32, {900, 500}});  // of several rounds
  samples.push_back({"wide", DType::int8, {30, 9001}});     // rows of 2 pages
  int exchanging = 0;
  for (const int ranks_a_node : {1, 2, 3}) {
    const Nodes nodes(ranks_a_node);
    for (int way = 0; way < test::kWays; ++way) {
      const std::uint64_t alignment = way % 2 == 0 ? 0 : 65536;  // so longer ranges are exchanged
      StateDict state = filled(samples, way, 0);
      state["combs"] = combs();
      const auto why = std::to_string(ranks_a_node) + " ranks a node, way " + std::to_string(way);
      save_to(folder_ + "/direct.h5", state, {.transfer = Transfer::direct, .alignment = alignment},
              nodes);
      for (const auto transfer : {Transfer::aggregated, Transfer::automatic}) {
        const auto seen = save_to(folder_ + "/other.h5", state,
                                  {.transfer = transfer, .alignment = alignment}, nodes);
        exchanging += seen.exchanges > 4 ? 1 : 0;
        expect_same_bytes(folder_ + "/direct.h5", folder_ + "/other.h5", why);
      }
    }
  }
  EXPECT_EQ(exchanging > 0, size_ > 1) << "else this shows nothing";
}

TEST_F(BetweenNodes, OnlyWhatNodesHaveBetweenEachOtherIsExchanged) {
  const Traffic usual{13, 2, 4};
  const Nodes one(0);
  const Nodes many(1);
  const auto seen = [&](int way, Transfer transfer, const Nodes& nodes) {
    StateDict state = small(way);
    return to_string(save_to(folder_ + "/x.h5", state, {.transfer = transfer}, nodes));
  };
  for (const auto transfer : {Transfer::aggregated, Transfer::automatic}) {
    EXPECT_EQ(seen(kColumns, transfer, one), to_string(usual)) << "one node";
    EXPECT_EQ(seen(kRows, transfer, many), to_string(usual)) << "rows";
    const Traffic with_a_round{13, many.several() ? 4 : 2, many.several() ? 5 : 4};
    EXPECT_EQ(seen(kColumns, transfer, many), to_string(with_a_round)) << "columns";
  }
  EXPECT_EQ(seen(kColumns, Transfer::direct, many), to_string(usual)) << "direct";
}

TEST_F(BetweenNodes, ARepeatedSaveExchangesAsWell) {
  const Nodes nodes(2);
  PlanCache cache;
  for (int version = 1; version <= 3; ++version) {
    StateDict state = small(kColumns, version);
    const auto seen = save_to(folder_ + "/repeated.h5", state, {}, nodes, &cache, version > 1);
    save_to(folder_ + "/planned.h5", state, {}, nodes);
    expect_same_bytes(folder_ + "/planned.h5", folder_ + "/repeated.h5",
                      "version " + std::to_string(version));
    if (version == 1) continue;
    const Traffic rounds = nodes.several() ? Traffic{2, 4, 1} : Traffic{0, 2, 0};
    EXPECT_EQ(to_string(seen), to_string(rounds));
  }
}

TEST_F(BetweenNodes, AFailureOnOneRankIsTheSameOnAll) {
  const Nodes nodes(2);
  const auto path = folder_ + "/x.h5";
  const auto try_save = [&](StateDict& state, SavePlanner& planner, PlanCache& cache) {
    Hdf5Writer writer(path);
    return test::failure_of([&] {
      save(state, {.storage_writer = &writer,
                   .planner = &planner,
                   .comm = nodes.get(),
                   .plan_cache = &cache});
    });
  };
  for (int faulty = 0; faulty < size_; ++faulty) {
    for (const auto* hook : {"finish_plan", "resolve_data"}) {
      for (const bool repeats : {false, true}) {
        const auto why = std::string(hook) + " on rank " + std::to_string(faulty);
        PlanCache cache;
        StateDict state = small(kColumns);
        test::FaultySavePlanner sound({});
        if (repeats) {
          EXPECT_EQ(test::text_of(try_save(state, sound, cache)), "success") << why;
        }
        test::FaultySavePlanner planner({rank_ == faulty ? hook : "", 0});
        const auto failure = try_save(state, planner, cache);
        test::expect_same(MPI_COMM_WORLD, failure, why);
        EXPECT_TRUE(failure) << why;
        if (!failure) continue;
        EXPECT_EQ(failure->failed_ranks(), std::vector{faulty}) << why;
        EXPECT_EQ(failure->step(), "write") << why;
        EXPECT_EQ(test::text_of(try_save(state, sound, cache)), "success") << "after " << why;
      }
    }
  }
}

}  // namespace
}  // namespace h5dcp
