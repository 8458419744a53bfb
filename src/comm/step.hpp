// The collective calls that run on a channel.

#pragma once

#include <mpi.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "comm/channel.hpp"
#include "comm/pending.hpp"
#include "comm/roll_call.hpp"
#include "h5dcp/bytes.hpp"
#include "h5dcp/comm.hpp"

namespace h5dcp {

// A Tally on its way through MPI: the means are sums until all ranks are in.
struct Counted {
  std::uint64_t failed = 0;   // ranks
  std::uint64_t missing = 0;  // Deliveries::missing
  Tally tally;
};
static_assert(sizeof(Counted) == 168);

// One step of the protocol: collective calls that share a name for error messages, and a deadline
// that each of them has for itself. Every call of the library that waits for other ranks is a
// method of this class; a method is a non-blocking MPI call handed to run().
class Step {
 public:
  // Throws at once if the channel is broken. All three must outlive it.
  Step(Channel& channel, std::string_view name, const CommOptions& options);

  // Each byte's maximum over all ranks.
  Bytes max(Bytes bytes) const;

  // root's bytes; the others pass as many, whatever they hold. Not more than a piece.
  Bytes broadcast(Bytes bytes, int root) const;

  std::vector<std::uint64_t> reduce(std::vector<std::uint64_t> values, MPI_Op op) const;
  std::uint64_t sum_before(std::uint64_t value) const;
  std::vector<Spread> spread(std::vector<Spread> values) const;
  Counted count(const Counted& mine) const;

  // As Comm::exchange.
  std::vector<Message> exchange(std::vector<Message> messages) const;

  // A duplicate of `parent` that returns errors instead of ending the program. The caller owns it.
  MPI_Comm duplicate(MPI_Comm parent) const;

  // Replaces the channel's communicator by one of the same ranks without a topology, if it has one:
  // MPI_Comm_idup copies that, and MPI-IO chooses by it who writes for whom.
  void drop_topology() const;

  // Waits for something else than a message.
  void await(const std::function<bool()>& poll) const;

 private:
  // Lets `talk()` communicate, and returns what it does. Whatever goes wrong on the way breaks the
  // channel.
  template <class Talk>
  auto guarded(const Talk& talk) const {
    check_channel();  // again: a watchdog may have found it too late since then
    try {
      if (channel_.overdue || late()) {
        throw roll_call(channel_, name_, options_.deadline, !channel_.overdue);
      }
      return talk();
    } catch (...) {
      channel_.broken = std::current_exception();
      throw;
    }
  }

  // Starts one call on the memory and waits until it is complete. What the ranks bring together is
  // what a rank brings that is alone.
  template <class Memory, class Start>
  Memory run(Memory memory, const Start& start) const {
    if (channel_.alone) return memory;
    return guarded([&] {
      Pending<Memory> call(std::move(memory), start);
      wait_until([&] { return call.done(); });
      return call.take();
    });
  }

  // The exchange itself: the messages that have arrived.
  std::vector<Message> deliver(std::vector<Message> messages) const;

  // Throws what broke the channel, if something did.
  void check_channel() const;

  // Whether the other ranks gave up before this one came.
  bool late() const;

  // Throws what the roll call finds if `poll` does not return true in time.
  void wait_until(const std::function<bool()>& poll) const;

  Channel& channel_;
  std::string_view name_;
  const CommOptions& options_;
};

}  // namespace h5dcp
