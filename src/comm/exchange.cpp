// Sparse exchange without knowing who sends (the NBX algorithm of Hoefler, Siebert and Lumsdaine):
//
// 1. Send synchronously: a send is complete only when its receiver has taken it.
// 2. Receive whatever comes. When all own sends are complete, enter a non-blocking barrier.
// 3. When the barrier is complete, every rank's sends have been received: done.
//
// A rank that is through may start the next exchange while another still waits for this barrier,
// but not the one after that: two tags in turn keep their messages apart.

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "comm/step.hpp"

namespace h5dcp {
namespace {

constexpr int kFirstTag = 16;  // and the next one

// A message on its way in: MPI delivers the pieces of one sender in their order, and the last one
// is shorter than the others, empty if need be.
struct Incoming {
  Bytes bytes;  // as far as they have come
  bool whole = false;
};

// All memory that MPI may touch during an exchange.
struct Parcels {
  std::vector<Message> outgoing;
  std::vector<MPI_Request> sends;
  std::map<int, std::vector<Incoming>> incoming;  // by sender, the last one may be in part
  Bytes piece;                                    // being received ...
  int sender = 0;                                 // ... from
  MPI_Request receive = MPI_REQUEST_NULL;
  MPI_Request barrier = MPI_REQUEST_NULL;
  bool closing = false;  // the barrier has begun
};

void post(Parcels& parcels, const Message& message, std::size_t piece_bytes, int tag,
          MPI_Comm comm) {
  for (std::size_t first = 0; first <= message.bytes.size(); first += piece_bytes) {
    const auto count = std::min(piece_bytes, message.bytes.size() - first);
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Issend(message.bytes.data() + first, static_cast<int>(count), MPI_BYTE, message.rank,
                     tag, comm, &request),
          "MPI_Issend");
    parcels.sends.push_back(request);
  }
}

// Puts a piece that has come behind the others of its sender.
void take_in(std::vector<Incoming>& from, Bytes piece, std::size_t piece_bytes) {
  if (from.empty() || from.back().whole) from.emplace_back();
  auto& message = from.back();
  message.whole = piece.size() < piece_bytes;
  if (message.bytes.empty()) {
    message.bytes = std::move(piece);
  } else {
    message.bytes.insert(message.bytes.end(), piece.begin(), piece.end());
  }
}

// Takes in what has arrived, as far as that is possible without waiting.
void receive(Parcels& parcels, std::size_t piece_bytes, int tag, MPI_Comm comm) {
  for (;;) {
    if (parcels.receive != MPI_REQUEST_NULL) {
      if (!done(parcels.receive)) return;
      take_in(parcels.incoming[parcels.sender], std::exchange(parcels.piece, {}), piece_bytes);
    }
    int found = 0;
    MPI_Message message = MPI_MESSAGE_NULL;
    MPI_Status status{};
    check(MPI_Improbe(MPI_ANY_SOURCE, tag, comm, &found, &message, &status), "MPI_Improbe");
    if (found == 0) return;
    int count = 0;
    check(MPI_Get_count(&status, MPI_BYTE, &count), "MPI_Get_count");
    parcels.piece.resize(static_cast<std::size_t>(count));
    parcels.sender = status.MPI_SOURCE;
    check(MPI_Imrecv(parcels.piece.data(), count, MPI_BYTE, &message, &parcels.receive),
          "MPI_Imrecv");
  }
}

bool all_sent(Parcels& parcels) {
  int flag = 0;
  check(MPI_Testall(static_cast<int>(parcels.sends.size()), parcels.sends.data(), &flag,
                    MPI_STATUSES_IGNORE),
        "MPI_Testall");
  return flag != 0;
}

}  // namespace

std::vector<Message> Step::exchange(std::vector<Message> messages) const {
  const int tag = kFirstTag + channel_.exchanges++ % 2;
  MPI_Comm comm = channel_.work;
  Parcels all;
  all.outgoing = std::move(messages);
  all = guarded(std::move(all), [&](Parcels& kept) {
    for (auto& message : kept.outgoing) {
      if (message.rank == channel_.rank) {
        kept.incoming[message.rank].push_back({std::move(message.bytes), true});
      } else {
        post(kept, message, options_.piece_bytes, tag, comm);
      }
    }
    wait_until([&] {
      receive(kept, options_.piece_bytes, tag, comm);
      if (kept.closing) return done(kept.barrier);
      if (all_sent(kept)) {
        check(MPI_Ibarrier(comm, &kept.barrier), "MPI_Ibarrier");
        kept.closing = true;
      }
      return false;
    });
  });

  std::vector<Message> received;
  for (auto& [sender, from] : all.incoming) {
    for (auto& message : from) received.push_back({sender, std::move(message.bytes)});
  }
  return received;
}

}  // namespace h5dcp
