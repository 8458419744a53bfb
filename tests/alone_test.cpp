// Saves and loads with no_dist in a program that never calls MPI.

#include <gtest/gtest.h>
#include <mpi.h>

#include <string>
#include <thread>
#include <vector>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "outcome.hpp"
#include "own_folder.hpp"
#include "sample_state.hpp"

namespace h5dcp {
namespace {

TEST(Alone, IsRankZeroOfOneAndHearsItself) {
  const Comm comm = Comm::alone({.ranks_a_node = 4});
  EXPECT_EQ(comm.rank(), 0);
  EXPECT_EQ(comm.size(), 1);
  EXPECT_EQ(comm.nodes(), std::vector<std::uint32_t>{0});
  EXPECT_EQ(comm.exchange("talk", {{0, {1, 2}}}), (std::vector<Message>{{0, {1, 2}}}));
  EXPECT_EQ(comm.broadcast("talk", {7}, 0), Bytes{7});
  EXPECT_EQ(comm.sum("add", {3}).front(), 3U);
  EXPECT_EQ(comm.max("add", {3}).front(), 3U);
  EXPECT_EQ(comm.sum_before("add", 3), 0U);
  EXPECT_EQ(comm.spread("add", {2.0}).front().mean, 2.0);
  EXPECT_EQ(comm.tally("add", [] { return Ballot{.sums = {5}}; }).sums[0], 5U);
  EXPECT_EQ(comm.delegate("add", 0, [] { return 9U; }), 9U);
  const auto failure = test::failure_of(
      [&] { comm.agree("think", [] { throw Error(ErrorCode::io, "deliberate"); }); });
  ASSERT_TRUE(failure);
  EXPECT_STREQ(failure->what(), "think: deliberate");
  comm.agree("think again", [] {});
}

TEST(Alone, SavesAndLoadsInSeveralThreadsWithoutMpi) {
  int has_mpi = 0;
  MPI_Initialized(&has_mpi);
  EXPECT_EQ(has_mpi, 0);
  const auto folder = test::own_folder();
  const auto save_and_load = [&](int i) {
    const auto path = folder + "/" + std::to_string(i) + ".h5";
    for (int version = 0; version < 5; ++version) {
      StateDict saved = test::make_state(i + version, 0, 1, true);
      StateDict loaded = test::make_state(i + version + 1, 0, 1, false);
      EXPECT_EQ(test::text_of(test::failure_of([&] {
                  save(saved, {.checkpoint_id = path, .no_dist = true});
                  load(loaded, {.checkpoint_id = path, .no_dist = true});
                })),
                "success");
      EXPECT_EQ(test::wrong_tensors(loaded), "");
    }
    for (const auto& damage : verify_checkpoint(path)) ADD_FAILURE() << to_string(damage);
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(save_and_load, i);
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace h5dcp
