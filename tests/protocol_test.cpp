// What a save or load costs in messages: the promises of docs/protocol.md, counted by MPI's
// profiling interface.

#include <gtest/gtest.h>
#include <mpi.h>

#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "h5dcp/storage.hpp"
#include "sample_state.hpp"

namespace {

struct Traffic {
  std::uint64_t sent = 0;      // to other ranks, point to point
  std::uint64_t received = 0;  // of everything
  std::uint64_t allreduces = 0;
  std::uint64_t agrees = 0;   // those of 16 bytes
  std::uint64_t tallies = 0;  // those of 168 bytes
  std::uint64_t broadcasts = 0;
  std::uint64_t exchanges = 0;
};
Traffic traffic;

std::uint64_t bytes_of(int count, MPI_Datatype type) {
  int size = 0;
  MPI_Type_size(type, &size);
  return static_cast<std::uint64_t>(count) * static_cast<std::uint64_t>(size);
}

}  // namespace

extern "C" int MPI_Issend(const void* data, int count, MPI_Datatype type, int to, int tag,
                          MPI_Comm comm, MPI_Request* request) {
  traffic.sent += bytes_of(count, type);
  return PMPI_Issend(data, count, type, to, tag, comm, request);
}
extern "C" int MPI_Imrecv(void* data, int count, MPI_Datatype type, MPI_Message* message,
                          MPI_Request* request) {
  traffic.received += bytes_of(count, type);
  return PMPI_Imrecv(data, count, type, message, request);
}
extern "C" int MPI_Ibcast(void* data, int count, MPI_Datatype type, int root, MPI_Comm comm,
                          MPI_Request* request) {
  ++traffic.broadcasts;
  traffic.received += bytes_of(count, type);  // also at the root: it is little
  return PMPI_Ibcast(data, count, type, root, comm, request);
}
extern "C" int MPI_Iallreduce(const void* in, void* out, int count, MPI_Datatype type, MPI_Op op,
                              MPI_Comm comm, MPI_Request* request) {
  ++traffic.allreduces;
  if (bytes_of(count, type) == 16) ++traffic.agrees;
  if (bytes_of(count, type) == 168) ++traffic.tallies;
  traffic.received += bytes_of(count, type);
  return PMPI_Iallreduce(in, out, count, type, op, comm, request);
}
extern "C" int MPI_Ibarrier(MPI_Comm comm, MPI_Request* request) {
  ++traffic.exchanges;  // each ends in one, and nothing else has one
  return PMPI_Ibarrier(comm, request);
}

namespace h5dcp {
namespace {

constexpr int kTensors = 300;

// Every rank holds some rows of every tensor: its number of items does not depend on the ranks.
StateDict make_state(int rank, int size) {
  StateDict state;
  for (int i = 0; i < kTensors; ++i) {
    const std::string fqn = "model.layers." + std::to_string(i / 7) + ".attention.weight_" +
                            std::to_string(i % 7) + ".exp_avg";
    const Extents sizes{4 * size, 16};
    const DeviceMesh mesh({size});
    const auto box = local_box(sizes, mesh, {Shard{0}}, rank);
    state[fqn] = distribute(allocate(DType::float32, box.sizes), sizes, mesh, {Shard{0}}, rank);
  }
  return state;
}

class Protocol : public testing::Test {
 protected:
  Protocol() {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
  }

  // Connecting the communicator comes before.
  template <class Work>
  static Traffic traffic_of(const Work& work) {
    const Comm connected(MPI_COMM_WORLD);
    traffic = {};
    work();
    return traffic;
  }

  static Traffic traffic_of_save(StateDict& state) {
    return traffic_of([&] { save(state, {.checkpoint_id = "protocol.h5"}); });
  }

  int rank_ = 0;
  int size_ = 0;
};

TEST_F(Protocol, NoRankReceivesMuchMoreThanItSends) {
  StateDict state = make_state(rank_, size_);
  const auto seen = traffic_of_save(state);
  EXPECT_GT(seen.sent, 0U);
  EXPECT_LE(seen.received, 2 * seen.sent + 64 * kTensors) << "rank " << rank_;
  std::uint64_t most = seen.received;
  MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPI_UINT64_T, MPI_MAX, MPI_COMM_WORLD);
  if (rank_ == 0) {
    std::cout << size_ << " ranks, " << kTensors << " items each: at most "
              << most / static_cast<std::uint64_t>(kTensors) << " bytes an item received\n";
  }
}

TEST_F(Protocol, TheNumberOfCollectivesDoesNotDependOnTheTensors) {
  StateDict many = make_state(rank_, size_);
  const auto of_many = traffic_of_save(many);
  StateDict one{*many.begin()};
  const auto of_one = traffic_of_save(one);
  EXPECT_EQ(of_many.allreduces, of_one.allreduces);
  EXPECT_EQ(of_many.broadcasts, of_one.broadcasts);
  EXPECT_EQ(of_one.broadcasts, 2U) << "the length and the content of the layout";
}

std::string steps_of(const Traffic& seen) {
  return std::to_string(seen.agrees) + " agrees, " + std::to_string(seen.tallies) + " tallies, " +
         std::to_string(seen.exchanges) + " exchanges, " + std::to_string(seen.broadcasts / 2) +
         " broadcasts, " + std::to_string(seen.allreduces - seen.agrees - seen.tallies) +
         " other allreduces";
}

// Stores nothing, by DCP's contract.
class NoWriter : public StorageWriter {
 public:
  void reset(const std::optional<std::string>& /*checkpoint_id*/) override {}
  void set_up_storage_writer(bool /*is_coordinator*/) override {}
  std::vector<WriteResult> write_data(const SavePlan& /*plan*/, SavePlanner& /*planner*/) override {
    return {};
  }
  void finish(const Metadata& /*metadata*/,
              const std::vector<std::vector<WriteResult>>& /*results*/) override {}
};

// Has nothing.
class NoReader : public StorageReader {
 public:
  void reset(const std::optional<std::string>& /*checkpoint_id*/) override {}
  void set_up_storage_reader(const Metadata& /*metadata*/, bool /*is_coordinator*/) override {}
  Metadata read_metadata() override { return {}; }
  void read_data(const LoadPlan& /*plan*/, LoadPlanner& /*planner*/) override {}
};

TEST_F(Protocol, TheStepsAreThoseOfTheDocument) {
  StateDict many = make_state(rank_, size_);
  StateDict state{*many.begin()};
  GlobalSavePlanner save_planner;
  GlobalLoadPlanner load_planner;
  NoWriter writer;
  NoReader reader;
  StateDict nothing;
  const std::string of_save = "13 agrees, 2 tallies, 4 exchanges, 1 broadcasts, 3 other allreduces";
  const std::string of_load = "5 agrees, 3 tallies, 0 exchanges, 1 broadcasts, 2 other allreduces";
  EXPECT_EQ(steps_of(traffic_of_save(state)), of_save);
  EXPECT_EQ(steps_of(traffic_of(
                [&] { save(state, {.checkpoint_id = "protocol.h5", .planner = &save_planner}); })),
            of_save)
      << "with a coordinator";
  EXPECT_EQ(steps_of(traffic_of([&] { load(state, {.checkpoint_id = "protocol.h5"}); })), of_load);
  EXPECT_EQ(steps_of(traffic_of(
                [&] { load(state, {.checkpoint_id = "protocol.h5", .planner = &load_planner}); })),
            "7 agrees, 3 tallies, 2 exchanges, 1 broadcasts, 2 other allreduces");
  EXPECT_EQ(steps_of(traffic_of([&] { save(state, {.storage_writer = &writer}); })),
            "4 agrees, 1 tallies, 3 exchanges, 0 broadcasts, 2 other allreduces");
  EXPECT_EQ(steps_of(traffic_of([&] { load(nothing, {.storage_reader = &reader}); })),
            "8 agrees, 0 tallies, 2 exchanges, 0 broadcasts, 2 other allreduces");
}

}  // namespace
}  // namespace h5dcp
