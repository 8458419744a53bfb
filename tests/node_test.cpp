#include "comm/node.hpp"

#include <gtest/gtest.h>
#include <mpi.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "file_limit.hpp"
#include "h5dcp/comm.hpp"
#include "outcome.hpp"

namespace h5dcp {
namespace {

// A communicator of its own for each test, whose ranks share memory in groups of `ranks_a_node`.
class Node : public testing::TestWithParam<int> {
 protected:
  Node() {
    MPI_Comm_dup(MPI_COMM_WORLD, &parent_);
    comm_ = std::make_unique<Comm>(parent_, CommOptions{.ranks_a_node = GetParam()});
    connect_node(*comm_);
    const int most = GetParam() == 0 ? comm_->size() : GetParam();
    first_ = comm_->rank() / most * most;
    size_ = std::min(most, comm_->size() - first_);
  }
  ~Node() override {
    comm_.reset();
    MPI_Comm_free(&parent_);
  }

  MPI_Comm parent_ = MPI_COMM_NULL;
  std::unique_ptr<Comm> comm_;
  int first_ = 0;  // rank of this node
  int size_ = 1;   // ranks of it
};

TEST_P(Node, GroupsNeighbours) {
  const NodeSession session(*comm_, "group");
  EXPECT_EQ(session.memory().size(), size_);
  EXPECT_EQ(session.memory().rank(), comm_->rank() - first_);
}

TEST_P(Node, SyncReturnsTheLeastOfTheNodeAndShowsWhatOthersWrote) {
  NodeSession session(*comm_, "count");
  auto* counts = reinterpret_cast<std::uint64_t*>(session.memory().room());
  const auto me = static_cast<std::uint64_t>(comm_->rank());
  for (std::uint64_t round = 1; round <= 200; ++round) {
    counts[session.memory().rank()] = round * 100 + me;
    EXPECT_EQ(session.sync(round + me), round + static_cast<std::uint64_t>(first_));
    for (int other = 0; other < size_; ++other) {
      EXPECT_EQ(counts[other], round * 100 + static_cast<std::uint64_t>(first_ + other));
    }
    EXPECT_EQ(session.sync(NodeSession::kNone), NodeSession::kNone);
  }
}

TEST_P(Node, SessionsInsideOfOneAreThatOne) {
  for (int i = 0; i < 3; ++i) {
    NodeSession outer(*comm_, "outer");
    EXPECT_EQ(outer.sync(7), 7U);
    NodeSession inner(*comm_, "inner");
    EXPECT_EQ(inner.sync(8), 8U);
    EXPECT_EQ(outer.sync(9), 9U);
    EXPECT_EQ(outer.sync(10), 10U);
  }
}

// A rank that fails, be it before its first sync, keeps nobody waiting; the next session is as new.
TEST_P(Node, ARankThatFailsStopsTheOthersOfItsNode) {
  for (int faulty = 0; faulty < comm_->size(); ++faulty) {
    for (const int round : {0, 1, 5}) {
      int synced = 0;
      const auto work = [&] {
        NodeSession session(*comm_, "fail");
        for (; synced < 10; ++synced) {
          if (comm_->rank() == faulty && synced == round) throw std::runtime_error("no more");
          if (!session.sync(1)) return;
        }
      };
      const auto why = std::to_string(faulty) + " in round " + std::to_string(round);
      const auto failure = test::failure_of([&] { comm_->agree("work", work); });
      ASSERT_TRUE(failure) << why;
      EXPECT_EQ(failure->failed_ranks(), std::vector<int>{faulty}) << why;
      const bool here = faulty >= first_ && faulty < first_ + size_;
      // Some learn of it while they are in the round before.
      EXPECT_LE(synced, here ? round : 10) << why;
      EXPECT_GE(synced, here ? round - 1 : 10) << why;
    }
  }
}

// Shared memory is a file to the kernel, so a limit on files holds for it.
TEST(NodeMemory, IsOnesOwnWhereFilesMustBeShorter) {
  MPI_Comm parent = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &parent);
  {
    const Comm comm(parent);
    std::optional<test::FileLimit> limit(100);
    connect_node(comm);
    limit.reset();
    const NodeSession session(comm, "limited");
    EXPECT_EQ(session.memory().size(), 1);
  }
  MPI_Comm_free(&parent);
}

INSTANTIATE_TEST_SUITE_P(RanksANode, Node, testing::Values(0, 1, 2),
                         [](const auto& test) { return std::to_string(test.param); });

TEST(NodeMemory, IsOnesOwnWithoutConnecting) {
  MPI_Comm parent = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &parent);
  {
    const Comm comm(parent);
    NodeSession session(comm, "alone");
    EXPECT_EQ(session.memory().size(), 1);
    EXPECT_EQ(session.sync(static_cast<std::uint64_t>(comm.rank())),
              static_cast<std::uint64_t>(comm.rank()));
  }
  MPI_Comm_free(&parent);
}

}  // namespace
}  // namespace h5dcp
