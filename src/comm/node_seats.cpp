#include "comm/node_seats.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

// What NodeSeat::at holds.
struct At {
  std::uint32_t session;
  std::uint32_t round;
  bool failed;
  bool left;
};

std::uint64_t encode(const At& at) {
  return std::uint64_t{at.session} << 32 | std::uint64_t{at.round} << 2 | (at.failed ? 2U : 0U) |
         (at.left ? 1U : 0U);
}

At decode(std::uint64_t at) {
  return {static_cast<std::uint32_t>(at >> 32), static_cast<std::uint32_t>(at) >> 2, (at & 2U) != 0,
          (at & 1U) != 0};
}

// How many sessions `other` is ahead. Right also when the numbers have begun again from 0, as ranks
// are never further apart than one session.
std::int32_t ahead(std::uint32_t other, std::uint32_t mine) {
  return static_cast<std::int32_t>(other - mine);
}

}  // namespace

void NodeSeats::open() {
  session_ += 1;
  round_ = 0;
  failed_ = false;
}

void NodeSeats::arrive(std::uint64_t value) {
  if (round_ == kMostRounds) {
    throw Error(ErrorCode::unsupported, "the ranks of a node have waited for each other " +
                                            std::to_string(round_) +
                                            " times: that is too much to move at once");
  }
  round_ += 1;
  // Relaxed: the store below publishes it.
  own().values[round_ % 2].store(value, std::memory_order_relaxed);
  own().at.store(encode({session_, round_, false, false}), std::memory_order_release);
}

NodeSeats::Round NodeSeats::look() const {
  Round found{State::complete, 0};
  for (int rank = 0; rank < size_; ++rank) {
    // Acquire: see above. Loaded once, so that it is judged by one state of the seat.
    const At at = decode(seats_[rank].at.load(std::memory_order_acquire));
    const auto sessions = ahead(at.session, session_);
    if (sessions == 0 && at.round >= round_) continue;  // whatever became of the rank later
    if (sessions == 0 && at.failed) return {State::failed, rank};
    if (sessions > 0 || (sessions == 0 && at.left)) {
      found = {State::left, rank};
    } else if (found.state == State::complete) {
      found.state = State::waits;
    }
  }
  return found;
}

std::uint64_t NodeSeats::least() const {
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  for (int rank = 0; rank < size_; ++rank) {
    // Relaxed: look() has acquired what its rank stored before it arrived.
    const auto& values = seats_[rank].values;
    least = std::min(least, values[round_ % 2].load(std::memory_order_relaxed));
  }
  return least;
}

void NodeSeats::leave(bool failed) noexcept {
  failed_ = failed_ || failed;
  // Release, as arrive(): the number says still that the rank was in the round.
  own().at.store(encode({session_, round_, failed_, true}), std::memory_order_release);
}

std::uint64_t NodeSeats::epoch() const {
  constexpr std::uint32_t kSessions = std::uint32_t{1} << 26;
  return std::uint64_t{session_ % kSessions} << 25 | round_;
}

}  // namespace h5dcp
