// How the ranks of a node wait for each other in memory that they share. No MPI in here.

#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace h5dcp {

// Where one rank says how far it is, in a cache line of its own. Zero bytes are a seat that its
// rank has not taken yet. Only that rank stores to it.
struct alignas(64) NodeSeat {
  // Session (32 bits), round (30), whether the rank has failed in it, whether it has left it: in
  // one number, so that others see all of it together. It never becomes less.
  std::atomic<std::uint64_t> at;
  std::array<std::atomic<std::uint64_t>, 2> values;  // of even and odd rounds
};

// Processes share seats, so an atomic must work without a lock, which would be in one of them.
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && sizeof(NodeSeat) == 64);

// One rank's view of the seats. Sessions follow each other, and have rounds: in each, every rank
// arrives with a value. Ranks count sessions and rounds alike without telling each other.
//
// A rank may arrive in the next session when all others are through with their last round of this
// one, which it must know by other means: a rank that is still in a round takes it for one that
// left.
//
// Memory order. arrive() stores to `at` with release, look() loads it with acquire. So whatever a
// rank wrote before it arrived, to its seat or to other memory that is shared, plain or atomic, is
// seen by each rank whose look() found the round complete: that load reads the store of arrive(),
// or a later one of the same rank, after which the earlier writes are ordered too. Nothing else
// orders memory between ranks. So everything else, here and in Window, may be relaxed or plain if a
// round lies between a write and each read or write of the same bytes by another rank.
//
// `values` has room for two rounds, which is enough: a rank stores its value of round n + 2 after
// round n + 1 was complete, for which all others have arrived, after they had read those of round
// n.
class NodeSeats {
 public:
  // The most rounds of one session. Every third one at least moves a window by 1 MiB a rank.
  static constexpr std::uint32_t kMostRounds = (std::uint32_t{1} << 25) - 1;

  // The seats must outlive it.
  NodeSeats(NodeSeat* seats, int rank, int size) : seats_(seats), rank_(rank), size_(size) {}

  // Begins the next session.
  void open();

  // Begins the next round of the session. Throws Error{unsupported} if there were too many.
  void arrive(std::uint64_t value);

  enum class State {
    waits,     // for other ranks
    complete,  // all have arrived
    failed,    // one has failed, and will not arrive
    left,      // one has ended the session without this round
  };
  struct Round {
    State state;
    int rank;  // that has failed or left
  };

  // How the round stands. One that cannot be completed is so for each rank that arrives at it.
  Round look() const;

  // The least value of a round that is complete.
  std::uint64_t least() const;

  // This rank takes no further part in the session. May be called again.
  void leave(bool failed) noexcept;

  // A number of the round, below 2^51 and never 0: that of no other round of the session, nor of
  // any of the 2^26 sessions before.
  std::uint64_t epoch() const;

 private:
  NodeSeat& own() const { return seats_[rank_]; }

  NodeSeat* seats_;
  int rank_;
  int size_;
  std::uint32_t session_ = 0;
  std::uint32_t round_ = 0;
  bool failed_ = false;
};

}  // namespace h5dcp
