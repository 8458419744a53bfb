// All ranks verify one file together: they find what one process finds, and share the work.

#include "h5dcp/verify.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "h5dcp/error.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "sample_state.hpp"

namespace h5dcp {
namespace {

const char* const kPath = "verify.h5";

// Samples, values, and one tensor that is larger than all else together.
void save_sample() {
  int rank = 0;
  int size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  StateDict state = test::make_state(0, rank, size, true);
  const auto large = test::make_tensor({"large", DType::float32, {2000, 2000}}, 2, rank, size);
  test::fill("large", large);
  state["large"] = large;
  state["values"] = Map{{"text", "text"}, {"list", List{1, 2, 3}}, {"nothing", Value()}};
  save(state, {.checkpoint_id = kPath});
}

// On rank 0; all wait for it.
void flip(const std::vector<std::uint64_t>& addresses) {
  const Comm comm(MPI_COMM_WORLD);
  comm.agree("damage the file", [&] {
    if (comm.rank() != 0) return;
    std::fstream file(kPath, std::ios::binary | std::ios::in | std::ios::out);
    for (const auto address : addresses) {
      char byte = 0;
      file.seekg(static_cast<std::streamoff>(address)).get(byte);
      file.seekp(static_cast<std::streamoff>(address)).put(static_cast<char>(byte ^ 4));
    }
    if (!file.flush()) throw Error(ErrorCode::io, "the test cannot write its file");
  });
}

struct Found {
  std::uint64_t count = 0;
  std::multiset<std::string> texts;
  std::map<int, int> by_rank;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  int rounds = 0;
};

Found verify_together(std::uint64_t round_bytes) {
  Found found;
  const Comm comm(MPI_COMM_WORLD);
  found.count = verify_checkpoint(comm, kPath,
                                  {.tell =
                                       [&](int rank, const Damage& damage) {
                                         found.texts.insert(to_string(damage));
                                         ++found.by_rank[rank];
                                       },
                                   .progress =
                                       [&](std::uint64_t done, std::uint64_t total) {
                                         EXPECT_GE(done, found.done);
                                         found.done = done;
                                         found.total = total;
                                         ++found.rounds;
                                       },
                                   .round_bytes = round_bytes});
  const auto counts = comm.max("compare", {found.count, ~found.count});
  EXPECT_EQ(counts[0], ~counts[1]) << "the same number on every rank";
  return found;
}

int rank_of_world() {
  return Comm(MPI_COMM_WORLD).rank();
}

TEST(Verify, AWholeFileIsReadOnceByAllTogether) {
  save_sample();
  for (const std::uint64_t round :
       {std::uint64_t{1}, std::uint64_t{1} << 20, ~std::uint64_t{0} / 2}) {
    const auto found = verify_together(round);
    EXPECT_EQ(found.count, 0U);
    if (rank_of_world() != 0) continue;
    EXPECT_EQ(found.done, found.total);
    EXPECT_LT(found.total, CheckpointFile(kPath).summary().file_bytes);
    EXPECT_GE(found.total, CheckpointFile(kPath).summary().data_bytes);
    EXPECT_EQ(found.rounds == 1, round > std::uint64_t{1} << 40);
  }
}

TEST(Verify, AllRanksFindWhatOneProcessFinds) {
  save_sample();
  const Comm comm(MPI_COMM_WORLD);
  const auto bytes = CheckpointFile(kPath).summary().file_bytes;
  std::vector<std::uint64_t> addresses;
  for (std::uint64_t at = 4096 + 100; at < bytes; at += bytes / 97) addresses.push_back(at);
  const CheckpointFile whole(kPath);
  const auto& record_ends = whole.entry(*whole.find("values.list"));
  addresses.push_back(record_ends.address);
  // What opening reads would be one damage alone: leave it whole.
  std::vector<std::uint64_t> opening;
  for (const auto address : addresses) {
    flip({address});
    bool opens = true;
    comm.agree("open", [&] {
      try {
        const CheckpointFile file(kPath);
      } catch (const Error&) {
        opens = false;
      }
    });
    comm.agree("opened", [] {});
    flip({address});
    if (opens) opening.push_back(address);
  }
  flip(opening);
  std::multiset<std::string> alone;
  for (const auto& damage : verify_checkpoint(kPath)) alone.insert(to_string(damage));
  comm.agree("verified alone", [] {});
  EXPECT_GT(alone.size(), 50U);
  for (const std::uint64_t round : {std::uint64_t{1}, std::uint64_t{64} << 20}) {
    const auto found = verify_together(round);
    EXPECT_EQ(found.count, alone.size());
    if (comm.rank() != 0) {
      EXPECT_TRUE(found.texts.empty());
      continue;
    }
    EXPECT_EQ(found.texts, alone);
    EXPECT_EQ(found.by_rank.size(), static_cast<std::size_t>(comm.size()))
        << "every rank found some of the damage, which is everywhere";
  }
}

TEST(Verify, AFileThatCannotBeOpenedIsTheSameErrorOnAllRanks) {
  save_sample();
  flip({100});
  const Comm comm(MPI_COMM_WORLD);
  try {
    verify_checkpoint(comm, kPath);
    ADD_FAILURE() << "no exception";
  } catch (const CheckpointException& error) {
    EXPECT_EQ(error.code(), ErrorCode::corrupt) << error.what();
  }
  try {
    verify_checkpoint(comm, "no/such/file.h5");
    ADD_FAILURE() << "no exception";
  } catch (const CheckpointException& error) {
    EXPECT_EQ(error.code(), ErrorCode::not_found) << error.what();
  }
}

TEST(Verify, RanksThatSeeDifferentFilesAreTold) {
  save_sample();
  const Comm comm(MPI_COMM_WORLD);
  comm.agree("copy", [&] {
    if (comm.rank() == 0) std::rename(kPath, "first.h5");
  });
  save_sample();
  try {
    verify_checkpoint(comm, comm.rank() == 0 ? "first.h5" : kPath);
    EXPECT_EQ(comm.size(), 1);
  } catch (const CheckpointException& error) {
    EXPECT_EQ(error.code(), ErrorCode::io) << error.what();
    EXPECT_EQ(error.failed_ranks().size(), static_cast<std::size_t>(comm.size()) - 1);
  }
}

TEST(Verify, WhatACallbackThrowsEndsItOnAllRanks) {
  save_sample();
  const Comm comm(MPI_COMM_WORLD);
  EXPECT_THROW(verify_checkpoint(comm, kPath,
                                 {.tell = {},
                                  .progress =
                                      [](std::uint64_t, std::uint64_t) {
                                        throw std::runtime_error("stdout: cannot be written");
                                      },
                                  .round_bytes = 1}),
               CheckpointException);
}

}  // namespace
}  // namespace h5dcp
