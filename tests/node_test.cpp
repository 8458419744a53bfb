#include "comm/node.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <mpi.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "file_limit.hpp"
#include "h5dcp/comm.hpp"
#include "outcome.hpp"

namespace {
int blocking_calls = 0;
bool no_shared_memory = false;  // on this rank
}  // namespace

// MPI's profiling interface counts those that the library could wait in.
extern "C" {
int MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm* made) {
  ++blocking_calls;
  return PMPI_Comm_split_type(comm, type, key, info, made);
}
int MPI_Comm_split(MPI_Comm comm, int color, int key, MPI_Comm* made) {
  ++blocking_calls;
  return PMPI_Comm_split(comm, color, key, made);
}
int MPI_Bcast(void* data, int count, MPI_Datatype type, int root, MPI_Comm comm) {
  ++blocking_calls;
  return PMPI_Bcast(data, count, type, root, comm);
}
int MPI_Allreduce(const void* in, void* out, int count, MPI_Datatype type, MPI_Op op,
                  MPI_Comm comm) {
  ++blocking_calls;
  return PMPI_Allreduce(in, out, count, type, op, comm);
}

// Instead of the C library's.
int shm_open(const char* name, int flags, mode_t mode) {
  if (no_shared_memory) {
    errno = EMFILE;
    return -1;
  }
  return ::open((std::string("/dev/shm") + name).c_str(), flags | O_CLOEXEC, mode);
}
}

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
    comm_->agree("between sessions", [] {});
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
      EXPECT_EQ(synced, here ? round : 10) << why;
    }
  }
}

// A rank that ends a session while others go on would say so to nobody.
TEST_P(Node, ARankThatLeavesEarlyIsAFailureOfThoseThatGoOn) {
  for (int early = 0; early < comm_->size(); ++early) {
    const bool here = size_ > 1 && early >= first_ && early < first_ + size_;
    for (const int rounds : {0, 1, 2, 5}) {
      const auto why = std::to_string(early) + " after " + std::to_string(rounds);
      const auto failure = test::failure_of([&] {
        comm_->agree("work", [&] {
          NodeSession session(*comm_, "go on");
          for (int i = 0; i < 6; ++i) {
            if (comm_->rank() == early && i == rounds) return;
            if (!session.sync(static_cast<std::uint64_t>(i))) return;
          }
        });
      });
      test::expect_same(parent_, failure, why);
      int any = here ? 1 : 0;
      MPI_Allreduce(MPI_IN_PLACE, &any, 1, MPI_INT, MPI_MAX, parent_);
      EXPECT_EQ(failure.has_value(), any != 0) << why;
      if (!failure) continue;
      EXPECT_EQ(failure->code(), ErrorCode::internal) << why;
      const auto says = "go on: rank " + std::to_string(early) + " has ended its part before";
      EXPECT_NE(std::string(failure->what()).find(says), std::string::npos) << failure->what();
    }
  }
}

// The latest value of a rank counts also if it has left when others look.
TEST_P(Node, TheLastRoundHasTheValuesOfAll) {
  for (int i = 0; i < 50; ++i) {
    std::optional<std::uint64_t> least;
    {
      NodeSession session(*comm_, "last round");
      session.sync(7);
      least = session.sync(static_cast<std::uint64_t>(comm_->rank() + 1));
    }
    EXPECT_EQ(least, static_cast<std::uint64_t>(first_) + 1);
    comm_->agree("between sessions", [] {});
  }
}

TEST_P(Node, ConnectingMakesNoCallThatWaitsWithoutADeadline) {
  MPI_Comm other = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &other);
  {
    const Comm comm(other, CommOptions{.ranks_a_node = GetParam()});
    const int before = blocking_calls;
    connect_node(comm);
    EXPECT_EQ(blocking_calls, before);
  }
  MPI_Comm_free(&other);
}

// Whichever rank cannot open the memory: those of its node do without, and those of others share.
TEST_P(Node, RanksThatCannotShareMemoryAreAlone) {
  for (int faulty = 0; faulty < comm_->size(); ++faulty) {
    MPI_Comm other = MPI_COMM_NULL;
    MPI_Comm_dup(MPI_COMM_WORLD, &other);
    {
      const Comm comm(other, CommOptions{.ranks_a_node = GetParam()});
      no_shared_memory = comm.rank() == faulty;
      connect_node(comm);
      no_shared_memory = false;
      const bool here = faulty >= first_ && faulty < first_ + size_;
      EXPECT_EQ(NodeSession::ranks_of_node(comm), here ? 1 : size_) << faulty;
      NodeSession session(comm, "go on");
      const auto me = static_cast<std::uint64_t>(comm.rank());
      EXPECT_EQ(session.sync(me), here ? me : static_cast<std::uint64_t>(first_)) << faulty;
    }
    MPI_Comm_free(&other);
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

TEST(RanksANode, MustBeTheSameOnAllRanks) {
  MPI_Comm parent = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &parent);
  int rank = 0;
  int size = 1;
  MPI_Comm_rank(parent, &rank);
  MPI_Comm_size(parent, &size);
  const auto failure = test::failure_of([&] {
    const Comm comm(parent, CommOptions{.ranks_a_node = rank > 0 && rank + 1 == size ? 2 : 0});
  });
  test::expect_same(MPI_COMM_WORLD, failure, "ranks_a_node");
  EXPECT_EQ(failure.has_value(), size > 1);
  if (failure) {
    EXPECT_EQ(failure->code(), ErrorCode::invalid_argument);
    EXPECT_EQ(failure->failed_ranks(), std::vector<int>{size - 1});
    const std::string what = failure->what();
    EXPECT_NE(what.find("ranks_a_node is 2, but on rank 0 it is 0"), what.npos) << what;
  }
  MPI_Comm_free(&parent);
}

}  // namespace
}  // namespace h5dcp
