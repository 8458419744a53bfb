#include "transfer/exchanged_write.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>

#include "base/context.hpp"
#include "base/wire.hpp"
#include "comm/node.hpp"
#include "transfer/window_slot.hpp"

namespace h5dcp {
namespace {

// What this rank sends, gets and writes in a round: slot s of the file is that of rank s mod P.
class ExchangeRounds {
 public:
  ExchangeRounds(const Comm& comm, const PosixFile& file, const std::vector<Piece>& pieces,
                 const std::vector<std::size_t>& order, const OrderedWalk::Data& data,
                 std::uint64_t most_slots)
      : rank_(static_cast<std::uint64_t>(comm.rank())),
        ranks_(static_cast<std::uint64_t>(comm.size())),
        slots_(std::min(ranks_, most_slots)),
        file_(file),
        walk_(pieces, order, data) {}

  std::uint64_t next_address() { return walk_.next_address(); }

  // The round begins with the slot in which `address` is. Returns what others need of this rank.
  std::vector<Message> fill(std::uint64_t address) {
    fragments_.clear();
    slot_.move_to(address, ++rounds_);  // this rank may have no slot of the round
    std::vector<Message> messages;
    const auto first = address / Window::kSlotBytes;
    for (auto slot = first; slot < first + slots_; ++slot) {
      const auto begin = slot * Window::kSlotBytes;
      const auto end = begin + Window::kSlotBytes;
      if (slot % ranks_ == rank_) {
        slot_.move_to(begin, rounds_);
        walk_.go_to(end, [&](std::uint64_t at, const std::byte* bytes, std::uint64_t nbytes) {
          put(slot_, at, bytes, nbytes, fragments_);
        });
        continue;
      }
      walk_.go_to(end, [&](std::uint64_t at, const std::byte* bytes, std::uint64_t nbytes) {
        wire_.varint(at - begin);
        wire_.bytes({reinterpret_cast<const std::uint8_t*>(bytes), nbytes});
      });
      if (!wire_.empty()) messages.push_back({static_cast<int>(slot % ranks_), wire_.take_copy()});
    }
    return messages;
  }

  void take(const std::vector<Message>& messages) {
    for (const auto& message : messages) {
      WireReader wire(message.bytes);
      while (!wire.at_end()) {
        const auto at = slot_.slot_begin() + wire.varint();
        const auto bytes = wire.bytes_view();
        put(slot_, at, reinterpret_cast<const std::byte*>(bytes.data()), bytes.size(), fragments_);
      }
    }
  }

  void write() const { write_slot(slot_, fragments_, file_); }

 private:
  const std::uint64_t rank_;
  const std::uint64_t ranks_;
  const std::uint64_t slots_;  // of a round
  const PosixFile& file_;
  OrderedWalk walk_;
  NodeMemory memory_;  // of this rank alone
  Window slot_{memory_};
  std::uint64_t rounds_ = 0;  // begun so far
  std::vector<Fragment> fragments_;
  WireWriter wire_;  // keeps its memory: messages are about as long as each other
};

}  // namespace

void write_exchanged(const Comm& comm, const std::string& step, const PosixFile& file,
                     const std::vector<Piece>& pieces, const std::vector<std::size_t>& order,
                     const Engine::Describe& describe, const OrderedWalk::Data& data,
                     std::uint64_t most_slots) {
  const OrderedWalk::Data described = [&](std::size_t i) {
    return with_late_context([&] { return "write " + describe(i); }, [&] { return data(i); });
  };
  std::optional<ExchangeRounds> rounds;
  std::exception_ptr failure;  // of this rank in this round, of which the others hear at its end
  const auto attempt = [&](const auto& work) {
    try {
      if (!failure) work();
    } catch (...) {
      failure = std::current_exception();
    }
  };
  for (;;) {
    const auto all = comm.tally(step, [&] {
      if (failure) std::rethrow_exception(failure);
      if (!rounds) {
        rounds.emplace(comm, file, pieces, order, described, most_slots);
      } else {
        with_context("write what ranks of several nodes have", [&] { rounds->write(); });
      }
      return Ballot{.sums = {}, .maxima = {~rounds->next_address()}, .values = {}};
    });
    const auto least = ~all.maxima[0];
    if (least == NodeSession::kNone) return;
    std::vector<Message> messages;
    attempt([&] { messages = rounds->fill(least); });
    const auto received = comm.exchange(step, std::move(messages));
    attempt([&] { rounds->take(received); });
  }
}

}  // namespace h5dcp
