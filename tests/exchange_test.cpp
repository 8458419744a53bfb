#include <gtest/gtest.h>
#include <mpi.h>
#include <rapidcheck.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "h5dcp/comm.hpp"

namespace h5dcp {
namespace {

// So small that most messages travel in pieces, and some end in an empty one.
const CommOptions kSmallPieces{.piece_bytes = 1024};

using Messages = std::vector<Message>;

Messages expected_at(int rank, const std::vector<Messages>& sent) {
  Messages expected;
  for (std::size_t from = 0; from < sent.size(); ++from) {
    for (const auto& message : sent[from]) {
      if (message.rank == rank) expected.push_back({static_cast<int>(from), message.bytes});
    }
  }
  return expected;
}

// What each rank sends. The lengths lie around the cuts: a piece has 1024 bytes.
rc::Gen<std::vector<Messages>> any_messages(int size) {
  const auto length = rc::gen::weightedOneOf<std::size_t>(
      {{2, rc::gen::element<std::size_t>(0, 1, 1023, 1024, 1025, 2047, 2048, 2049)},
       {1, rc::gen::inRange<std::size_t>(0, 9000)}});
  const auto message = rc::gen::map(
      rc::gen::tuple(rc::gen::inRange(0, size), length, rc::gen::arbitrary<std::uint8_t>()),
      [](const std::tuple<int, std::size_t, std::uint8_t>& drawn) {
        const auto [rank, bytes, first] = drawn;
        Message made{rank, Bytes(bytes)};
        for (std::size_t i = 0; i < bytes; ++i)
          made.bytes[i] = static_cast<std::uint8_t>(first + i * 7);
        return made;
      });
  return rc::gen::container<std::vector<Messages>>(static_cast<std::size_t>(size),
                                                   rc::gen::container<Messages>(message));
}

TEST(Exchange, DeliversWhatBruteForceDelivers) {
  const Comm comm(MPI_COMM_WORLD, kSmallPieces);
  // With one seed, all ranks draw the same cases; with one verdict, they shrink alike.
  const auto seed = comm.max("seed", {std::random_device()()}).front();
  setenv("RC_PARAMS", ("seed=" + std::to_string(seed)).c_str(), 1);
  EXPECT_TRUE(rc::check("exchange", [&] {
    const auto sent = *any_messages(comm.size());
    const auto got = comm.exchange("round", sent[static_cast<std::size_t>(comm.rank())]);
    const bool wrong = got != expected_at(comm.rank(), sent);
    RC_ASSERT(comm.max("verdict", {wrong ? 1U : 0U}).front() == 0U);
  }));
}

TEST(Exchange, OfNothingIsNothing) {
  const Comm comm(MPI_COMM_WORLD);
  EXPECT_TRUE(comm.exchange("nothing", {}).empty());
}

TEST(Broadcast, CarriesAnyLengthFromAnyRank) {
  const Comm comm(MPI_COMM_WORLD, kSmallPieces);
  for (int root = 0; root < comm.size(); ++root) {
    for (const std::size_t length : {0U, 1U, 1024U, 1025U, 5000U}) {
      const Bytes sent(length, static_cast<std::uint8_t>(root + 1));
      EXPECT_EQ(comm.broadcast("table", comm.rank() == root ? sent : Bytes(), root), sent);
    }
  }
}

TEST(Reduce, CombinesElementByElement) {
  const Comm comm(MPI_COMM_WORLD);
  const auto rank = static_cast<std::uint64_t>(comm.rank());
  const auto size = static_cast<std::uint64_t>(comm.size());
  EXPECT_EQ(comm.sum("sum", {rank, 1}), (std::vector{size * (size - 1) / 2, size}));
  EXPECT_EQ(comm.sum_before("sum", rank + 1), rank * (rank + 1) / 2) << "of all lower ranks";
  EXPECT_EQ(comm.sum_before("sum", 7), 7 * rank);
  EXPECT_EQ(comm.max("max", {rank, 7}), (std::vector{size - 1, std::uint64_t{7}}));
}

TEST(Spread, TellsTheExtremesAndWhoHasThem) {
  const Comm comm(MPI_COMM_WORLD);
  const auto spread = comm.spread("times", {static_cast<double>(comm.rank()), 5.0});
  EXPECT_EQ(spread[0].min, 0);
  EXPECT_EQ(spread[0].max, comm.size() - 1);
  EXPECT_EQ(spread[0].max_rank, comm.size() - 1);
  EXPECT_DOUBLE_EQ(spread[0].mean, (comm.size() - 1) / 2.0);
  EXPECT_EQ(spread[1].max_rank, 0) << "the lowest of equals";
}

}  // namespace
}  // namespace h5dcp
