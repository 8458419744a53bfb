// Threads are the ranks of a node here, so that a sanitizer for threads sees their memory.

#include "comm/node_seats.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "comm/node.hpp"
#include "transfer/window.hpp"

namespace h5dcp {
namespace {

using State = NodeSeats::State;

// Runs `work(rank)` on a thread for each rank.
template <class Work>
void on_ranks(int size, const Work& work) {
  std::vector<std::thread> ranks;
  for (int rank = 0; rank < size; ++rank) ranks.emplace_back([&work, rank] { work(rank); });
  for (auto& rank : ranks) rank.join();
}

State round(NodeSeats& seats, std::uint64_t value) {
  seats.arrive(value);
  auto state = seats.look().state;
  for (; state == State::waits; state = seats.look().state) std::this_thread::yield();
  return state;
}

// A session of some rounds, which one rank may leave before its end.
struct Plan {
  int rounds;
  int early;  // no rank if it is -1
  int after;  // so many rounds
  bool fails;
};

std::uint64_t value_of(std::size_t session, int round, int rank) {
  return (session * 31 + static_cast<unsigned>(round) * 7 + static_cast<unsigned>(rank) * 13) % 17;
}

// Every rank sees what the others wrote before, and the same outcome of every round.
RC_GTEST_PROP(NodeSeats, RoundsAreTheSameForAllRanks, ()) {
  const int size = *rc::gen::inRange(1, 5);
  const auto plans = *rc::gen::container<std::vector<Plan>>(rc::gen::exec([size] {
    const int rounds = *rc::gen::inRange(0, 9);
    const int early = *rc::gen::inRange(-1, size);
    return Plan{rounds, early, *rc::gen::inRange(0, rounds + 1), *rc::gen::arbitrary<bool>()};
  }));
  const auto segment = std::make_unique<NodeSegment>(size);
  std::vector<std::uint64_t> plain(static_cast<std::size_t>(size));
  std::vector<int> wrong(static_cast<std::size_t>(size));
  std::barrier between(size);
  on_ranks(size, [&](int rank) {
    NodeSeats seats(segment->seats(), rank, size);
    int& faults = wrong[static_cast<std::size_t>(rank)];
    for (std::size_t session = 0; session < plans.size(); ++session) {
      const auto& plan = plans[session];
      seats.open();
      const bool cut = plan.early >= 0 && plan.after < plan.rounds;
      bool failed = false;
      for (int r = 0; r < plan.rounds && !failed; ++r) {
        if (rank == plan.early && r == plan.after) break;
        plain[static_cast<std::size_t>(rank)] = session * 100 + static_cast<unsigned>(r);
        const auto state = round(seats, value_of(session, r, rank));
        if (cut && r == plan.after) {
          // Of those that the early rank has stopped, one may come before others have seen that.
          const bool as_planned = state == (plan.fails ? State::failed : State::left);
          faults += as_planned || state == State::failed ? 0 : 1;
          failed = true;
          continue;
        }
        std::uint64_t least = NodeSession::kNone;
        for (int other = 0; other < size; ++other) {
          least = std::min(least, value_of(session, r, other));
        }
        faults += state == State::complete && seats.least() == least ? 0 : 1;
        for (const auto seen : plain)
          faults += seen == session * 100 + static_cast<unsigned>(r) ? 0 : 1;
        // Nobody writes before all have read.
        if (round(seats, 0) != State::complete) ++faults;
      }
      seats.leave(failed || (cut && plan.fails && rank == plan.early));
      between.arrive_and_wait();
    }
  });
  for (const int faults : wrong) RC_ASSERT(faults == 0);
}

// Ranks put random bytes into windows of which nobody clears anything, and sessions end in the
// middle: a page is full, wanted or sound if this window makes it so.
TEST(Window, KnowsNothingOfEarlierOnes) {
  constexpr int kRanks = 3;
  constexpr std::uint64_t kPages = kRanks * Window::kPagesASlot;
  const auto segment = std::make_shared<NodeSegment>(kRanks);
  std::barrier between(kRanks);
  std::vector<int> wrong(kRanks);
  on_ranks(kRanks, [&](int rank) {
    int& faults = wrong[static_cast<std::size_t>(rank)];
    const NodeMemory memory(segment, rank);
    NodeSeats seats(segment->seats(), rank, kRanks);
    for (unsigned session = 0; session < 12; ++session) {
      Window window(memory);
      seats.open();
      std::mt19937 random(session);  // the same on all ranks
      const auto common = [&random] { return static_cast<unsigned>(random()); };
      const int rounds = static_cast<int>(common() % 5);
      for (int r = 0; r < rounds; ++r) {
        if (round(seats, 0) != State::complete) ++faults;
        window.move_to(0, seats.epoch());
        // What each rank does with each page, as all ranks know.
        std::vector<std::array<unsigned, kRanks>> parts(kPages);
        for (auto& part : parts) {
          for (auto& of_rank : part) of_rank = common() % 8 == 0 ? common() % 3 : 0;
        }
        const bool counts = common() % 2 == 0;
        for (std::uint64_t page = 0; page < kPages; ++page) {
          const auto part = parts[page][static_cast<std::size_t>(rank)];
          if (part == 0) continue;
          const auto address = page * Window::kPageBytes;
          *window.at(address + static_cast<unsigned>(rank)) =
              std::byte{static_cast<unsigned char>(r)};
          counts ? window.count(address, part * Window::kPageBytes / 2) : window.want(address);
        }
        if (session % 3 == 2 && r + 1 == rounds) break;  // it fails there
        if (round(seats, 0) != State::complete) ++faults;
        for (std::uint64_t page = 0; page < kPages; ++page) {
          const auto address = page * Window::kPageBytes;
          unsigned sum = 0;
          for (const auto part : parts[page]) sum += part;
          if (counts) {
            faults += window.is_full(address) == (sum == 2) ? 0 : 1;
          } else {
            faults += window.is_wanted(address) == (sum > 0) ? 0 : 1;
          }
          const auto slot = page / Window::kPagesASlot;
          if (slot == static_cast<unsigned>(rank) && sum > 1) window.leave_note({7, address, sum});
        }
        if (round(seats, 0) != State::complete) ++faults;
        for (std::uint64_t page = 0; page < kPages; ++page) {
          const auto address = page * Window::kPageBytes;
          unsigned sum = 0;
          for (const auto part : parts[page]) sum += part;
          faults += window.has_note({7, address, sum}) == (sum > 1) ? 0 : 1;
          faults += window.has_note({8, address, sum}) ? 1 : 0;
        }
      }
      seats.leave(session % 3 == 2);
      between.arrive_and_wait();
    }
  });
  for (const int faults : wrong) EXPECT_EQ(faults, 0);
}

}  // namespace
}  // namespace h5dcp
