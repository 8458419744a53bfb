#include <gtest/gtest.h>
#include <mpi.h>
#include <rapidcheck.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "outcome.hpp"
#include "own_folder.hpp"
#include "sample_state.hpp"
#include "unreliable_mpi.hpp"

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

// Until the barrier is over, and so until nothing but that receive keeps the exchange.
constexpr int kVeryLate = 1'000'000;

TEST(Exchange, WaitsForAReceiveThatIsCompleteAfterTheBarrier) {
  for (const std::size_t piece_bytes : {std::size_t{1} << 30, std::size_t{150'000}}) {
    const Comm comm(MPI_COMM_WORLD, {.piece_bytes = piece_bytes});
    const int next = (comm.rank() + 1) % comm.size();
    const int last = (comm.rank() + comm.size() - 1) % comm.size();
    const Bytes mine(300'000 - 1, static_cast<std::uint8_t>(comm.rank() + 1));
    const Bytes theirs(mine.size(), static_cast<std::uint8_t>(last + 1));
    test::make_receives_late(piece_bytes > mine.size() ? kVeryLate : 50);
    EXPECT_EQ(comm.exchange("ring", {{next, mine}}), (Messages{{last, theirs}}));
    test::make_receives_late(0);
  }
}

TEST(Exchange, WaitsForManyLateReceives) {
  const Comm comm(MPI_COMM_WORLD, kSmallPieces);
  const auto size = static_cast<std::size_t>(comm.size());
  std::vector<Messages> sent(size);
  for (std::size_t from = 0; from < size; ++from) {
    for (int to = 0; to < comm.size(); ++to) {
      for (const std::size_t length : {0U, 3000U}) {
        sent[from].push_back({to, Bytes(length, static_cast<std::uint8_t>(from))});
      }
    }
  }
  test::make_receives_late(5);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(comm.exchange("all", sent[static_cast<std::size_t>(comm.rank())]),
              expected_at(comm.rank(), sent));
  }
  test::make_receives_late(0);
}

// Whichever message or piece it is.
TEST(Exchange, TheNextAgreementTellsOfALostMessage) {
  const Comm comm(MPI_COMM_WORLD, kSmallPieces);
  const int next = (comm.rank() + 1) % comm.size();
  const Messages sent{{next, Bytes(10)}, {next, Bytes(1500)}};  // in 3 pieces
  const auto tally = [&] { comm.tally("count", [] { return Ballot{}; }); };
  const auto agree = [&] { comm.agree("think", [] {}); };
  for (int loser = 0; loser < comm.size() && comm.size() > 1; ++loser) {
    for (int n = 0; n < 3; ++n) {
      const auto why = "message " + std::to_string(n) + " to rank " + std::to_string(loser);
      if (comm.rank() == loser) test::lose_message(n);
      comm.exchange("ask", sent);
      EXPECT_EQ(test::message_was_lost(), comm.rank() == loser) << why;
      test::lose_message(-1);
      const auto failure = n == 0 ? test::failure_of(tally) : test::failure_of(agree);
      test::expect_same(MPI_COMM_WORLD, failure, why);
      EXPECT_TRUE(failure) << why;
      if (!failure) continue;
      EXPECT_EQ(failure->code(), ErrorCode::mpi) << why;
      EXPECT_EQ(failure->failed_ranks(), std::vector{loser}) << why;
      EXPECT_TRUE(std::string(failure->what())
                      .starts_with((n == 0 ? "count" : "think") +
                                   std::string(": not all messages of 'ask' have arrived")))
          << failure->what();
      EXPECT_EQ(test::text_of(test::failure_of(agree)), "success") << "it was told";
      EXPECT_EQ(comm.exchange("ask again", sent).size(), 2U) << why;
      EXPECT_EQ(test::text_of(test::failure_of(agree)), "success") << why;
    }
  }
}

// Saves whose messages are late or get lost.
class SaveOverBadMpi : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = test::own_folder();
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
  }
  void TearDown() override {
    test::make_receives_late(0);
    test::lose_message(-1);
  }

  // Of names that all ranks own some of.
  StateDict make_state(bool filled) const {
    StateDict state;
    for (int i = 0; i < 30; ++i) {
      const test::Sample sample{"w" + std::to_string(i), DType::float32, {6 * size_, 8 * size_}};
      const auto tensor = test::make_tensor(sample, i, rank_, size_);
      if (filled) test::fill(sample.fqn, tensor);
      state[sample.fqn] = tensor;
    }
    return state;
  }

  // The checkpoint has all tensors as they were. Collective.
  void expect_good(const std::string& path) const {
    StateDict loaded = make_state(false);
    EXPECT_EQ(test::text_of(test::failure_of([&] { load(loaded, {.checkpoint_id = path}); })),
              "success");
    EXPECT_EQ(test::wrong_tensors(loaded), "");
    if (rank_ != 0) return;
    EXPECT_EQ(CheckpointFile(path).size(), loaded.size());
    for (const auto& damage : verify_checkpoint(path)) ADD_FAILURE() << to_string(damage);
  }

  int rank_ = 0;
  int size_ = 1;
  std::string folder_;
};

// Where each rank is a node, columns are exchanged before they are written.
TEST_F(SaveOverBadMpi, LateReceivesLoseNothing) {
  for (const int ranks_a_node : {0, 1}) {
    MPI_Comm parent = MPI_COMM_NULL;
    MPI_Comm_dup(MPI_COMM_WORLD, &parent);
    const Comm comm(parent, {.ranks_a_node = ranks_a_node});
    const auto path = folder_ + "/" + std::to_string(ranks_a_node) + ".h5";
    StateDict state = make_state(true);
    test::make_receives_late(size_ == 2 ? kVeryLate : 20);
    EXPECT_EQ(test::text_of(
                  test::failure_of([&] { save(state, {.checkpoint_id = path, .comm = parent}); })),
              "success");
    test::make_receives_late(0);
    expect_good(path);
    MPI_Comm_free(&parent);
  }
}

// Every message that a save sends is lost once. More ranks send no other kinds, only more.
TEST_F(SaveOverBadMpi, ALostMessageFailsTheSave) {
  if (size_ > 3) return;
  const auto path = folder_ + "/x.h5";
  StateDict state = make_state(true);
  MPI_Comm parent = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &parent);
  const Comm comm(parent, {.ranks_a_node = 1});
  const auto try_save = [&] {
    return test::failure_of([&] { save(state, {.checkpoint_id = path, .comm = parent}); });
  };
  EXPECT_EQ(test::text_of(try_save()), "success");
  for (int loser = 0; loser < size_; ++loser) {
    int losses = 0;
    for (int any = 1; any > 0;) {
      if (rank_ == loser) test::lose_message(losses);
      const auto failure = try_save();
      any = test::message_was_lost() ? 1 : 0;
      test::lose_message(-1);
      MPI_Allreduce(MPI_IN_PLACE, &any, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
      const auto why = "loss " + std::to_string(losses) + " on rank " + std::to_string(loser);
      if (any == 0) {
        EXPECT_EQ(test::text_of(failure), "success") << why;
        break;
      }
      ++losses;
      test::expect_same(MPI_COMM_WORLD, failure, why);
      EXPECT_TRUE(failure) << why;
      if (!failure) continue;
      EXPECT_EQ(failure->failed_ranks(), std::vector{loser}) << why << ": " << failure->what();
      EXPECT_NE(std::string(failure->what()).find("not all messages of"), std::string::npos)
          << failure->what();
      expect_good(path);
    }
    EXPECT_GT(losses, size_ > 1 ? 2 : -1) << "rank " << loser << " gets as many at least";
  }
  MPI_Comm_free(&parent);
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
