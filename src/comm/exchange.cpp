// Sparse exchange without knowing who sends (the NBX algorithm of Hoefler, Siebert and Lumsdaine):
//
// 1. Send synchronously: a send is complete only when its receiver has begun to take it.
// 2. Receive whatever comes. When all own sends are complete, enter a non-blocking barrier.
// 3. When the barrier is complete, every rank's sends have been matched by a receive. What is left
//    to wait for are the own receives that are still under way.
//
// A rank that is through may start the next exchange while another still waits for this barrier,
// but not the one after that: two tags in turn keep their messages apart.

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "comm/pending.hpp"
#include "comm/step.hpp"

namespace h5dcp {
namespace {

constexpr int kFirstTag = 16;  // and the next one

// What this rank sends, in pieces: the last one of a message is shorter than the others, empty if
// need be. A message ends with the last send of its pieces.
class Outbox {
 public:
  void post(Message message, std::size_t piece_bytes, int tag, MPI_Comm comm) {
    const auto bytes = std::make_shared<const Bytes>(std::move(message.bytes));
    for (std::size_t first = 0; first <= bytes->size(); first += piece_bytes) {
      const auto count = std::min(piece_bytes, bytes->size() - first);
      sends_.emplace_back(bytes, [&](const auto& kept, MPI_Request& request) {
        check(MPI_Issend(kept->data() + first, static_cast<int>(count), MPI_BYTE, message.rank, tag,
                         comm, &request),
              "MPI_Issend");
      });
    }
  }

  bool is_sent() {
    while (!sends_.empty() && sends_.back().done()) sends_.pop_back();
    return sends_.empty();
  }

 private:
  std::vector<Pending<std::shared_ptr<const Bytes>>> sends_;
};

// What others send to this rank. MPI delivers the pieces of one sender in their order.
class Inbox {
 public:
  Inbox(std::size_t piece_bytes, int tag, MPI_Comm comm)
      : piece_bytes_(piece_bytes), tag_(tag), comm_(comm) {}

  // Takes in what has arrived, as far as that is possible without waiting. Returns whether nothing
  // is on its way: no receive is pending, and no message waits for one.
  bool take_in() {
    for (;;) {
      if (receive_) {
        if (!receive_->piece.done()) return false;
        append(receive_->sender, receive_->piece.take());
        receive_.reset();
      }
      int found = 0;
      MPI_Message message = MPI_MESSAGE_NULL;
      MPI_Status status{};
      check(MPI_Improbe(MPI_ANY_SOURCE, tag_, comm_, &found, &message, &status), "MPI_Improbe");
      if (found == 0) return true;
      begin(message, status);
    }
  }

  // Puts a message of this rank to itself behind the others.
  void put(Message message) { from_[message.rank].push_back({std::move(message.bytes), true}); }

  // All messages, by sender. One of which a piece never came is none.
  std::vector<Message> messages() {
    std::vector<Message> messages;
    for (auto& [sender, from] : from_) {
      for (auto& message : from) {
        if (message.is_whole) messages.push_back({sender, std::move(message.bytes)});
      }
    }
    return messages;
  }

 private:
  struct Receive {
    int sender;
    Pending<Bytes> piece;
  };
  struct Incoming {
    Bytes bytes;  // as far as they have come
    bool is_whole = false;
  };

  void begin(MPI_Message& message, const MPI_Status& status) {
    int count = 0;
    check(MPI_Get_count(&status, MPI_BYTE, &count), "MPI_Get_count");
    receive_.emplace(Receive{
        status.MPI_SOURCE,
        Pending<Bytes>(
            Bytes(static_cast<std::size_t>(count)), [&](Bytes& piece, MPI_Request& request) {
              check(MPI_Imrecv(piece.data(), count, MPI_BYTE, &message, &request), "MPI_Imrecv");
            })});
  }

  void append(int sender, Bytes piece) {
    auto& from = from_[sender];
    if (from.empty() || from.back().is_whole) from.emplace_back();
    auto& message = from.back();
    message.is_whole = piece.size() < piece_bytes_;
    if (message.bytes.empty()) {
      message.bytes = std::move(piece);
    } else {
      message.bytes.insert(message.bytes.end(), piece.begin(), piece.end());
    }
  }

  std::size_t piece_bytes_;
  int tag_;
  MPI_Comm comm_;
  std::map<int, std::vector<Incoming>> from_;  // by sender; the last one may be in part
  std::optional<Receive> receive_;
};

}  // namespace

std::vector<Message> Step::deliver(std::vector<Message> messages) const {
  if (channel_.alone) return messages;
  return guarded([&] {
    const int tag = kFirstTag + channel_.exchanges++ % 2;
    Inbox inbox(options_.piece_bytes, tag, channel_.work);
    Outbox outbox;
    for (auto& message : messages) {
      if (message.rank == channel_.rank) {
        inbox.put(std::move(message));
      } else {
        outbox.post(std::move(message), options_.piece_bytes, tag, channel_.work);
      }
    }
    struct Nothing {};
    std::optional<Pending<Nothing>> barrier;
    wait_until([&] {
      // In this order: what comes before the barrier is over is found behind it.
      const bool all_are_sent = barrier && barrier->done();
      const bool nothing_comes = inbox.take_in();
      if (barrier) return all_are_sent && nothing_comes;
      if (outbox.is_sent()) {
        barrier.emplace(Nothing{}, [this](Nothing& /*no memory*/, MPI_Request& request) {
          check(MPI_Ibarrier(channel_.work, &request), "MPI_Ibarrier");
        });
      }
      return false;
    });
    return inbox.messages();
  });
}

std::vector<Message> Step::exchange(std::vector<Message> messages) const {
  channel_.deliveries.sent(name_, messages);
  auto received = deliver(std::move(messages));
  channel_.deliveries.received(received);
  return received;
}

}  // namespace h5dcp
