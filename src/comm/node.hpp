// Memory that the ranks of one node share, and their waiting for each other in it. Waiting takes no
// message: a few reads of memory, so that it can happen for every megabyte.

#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "comm/node_seats.hpp"
#include "h5dcp/comm.hpp"

namespace h5dcp {

// The mapping of a segment that ranks share; threads may share the mapping as well.
class NodeSegment {
 public:
  // Of ranks of this process alone. Throws std::bad_alloc.
  explicit NodeSegment(int size);
  // Of the shared memory of that name, which `makes` says that this rank makes, for `size` ranks.
  // Throws Error{io}.
  NodeSegment(const std::string& name, bool makes, int size);
  NodeSegment(const NodeSegment&) = delete;
  NodeSegment& operator=(const NodeSegment&) = delete;
  ~NodeSegment();

  int size() const { return size_; }
  NodeSeat* seats() const;  // one a rank
  std::byte* room() const;  // behind the seats; zero at first

 private:
  int size_ = 1;
  std::byte* start_ = nullptr;
  std::size_t nbytes_ = 0;
};

// One rank's part in a segment. Lives in the Channel of a communicator, once something has asked
// for it.
class NodeMemory {
 public:
  // What each rank brings, beside a seat: room for the user of a NodeSession.
  static constexpr std::size_t kRoomBytes = (std::size_t{2} << 20) + (std::size_t{16} << 10);

  // Of one rank alone. Throws std::bad_alloc.
  NodeMemory() : NodeMemory(std::make_shared<NodeSegment>(1), 0) {}
  NodeMemory(std::shared_ptr<NodeSegment> segment, int rank);

  int rank() const { return rank_; }  // among those of the node
  int size() const { return segment_->size(); }
  // size() * kRoomBytes, the same bytes on all ranks; zero at first.
  std::byte* room() const { return segment_->room(); }

 private:
  friend class NodeSession;

  std::shared_ptr<NodeSegment> segment_;
  int rank_;
  NodeSeats seats_;
  int open_ = 0;         // NodeSessions of this rank now: they are one session
  bool failed_ = false;  // it is over before its end
};

// Makes the memory, if it is not there yet. Collective over `comm`, as all its methods are. Ranks
// of a node of which one cannot share memory are each a node, for a NodeSession.
void connect_node(const Comm& comm);

// What the ranks of a node do together between two messages. Every rank opens it, or none, and all
// have synced for the last time before one opens the next: a message lies between. All sync equally
// often. A rank in
// trouble must not keep the others waiting: it says so by fail(), which leaving the session by an
// exception does as well.
//
// A session that is opened inside another one of the same rank is the same session.
class NodeSession {
 public:
  static constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();

  // `comm` and `step` must outlive it. Without connect_node() before, each rank is alone.
  NodeSession(const Comm& comm, std::string_view step);
  NodeSession(const NodeSession&) = delete;
  NodeSession& operator=(const NodeSession&) = delete;
  ~NodeSession();

  // Of the node on which this rank is, as connect_node() has found them.
  static int ranks_of_node(const Comm& comm);

  const NodeMemory& memory() const { return *memory_; }

  // Waits for all ranks of the node; returns the least `value` that one brings. What ranks wrote to
  // the room before, all see after it. nullopt, from now on, if the session of one has failed: it
  // will say why, so the others just end.
  //
  // Throws Error{internal} if a rank has ended the session without this sync, which it says to
  // nobody; CheckpointException{timeout} as every wait of a Comm does.
  std::optional<std::uint64_t> sync(std::uint64_t value);

  // A number of what follows the latest sync: see NodeSeats::epoch().
  std::uint64_t epoch() const { return memory_->seats_.epoch(); }

  // This rank takes no further part.
  void fail() noexcept;

 private:
  int world_rank(int rank) const;  // of a rank of the node

  const Comm& comm_;
  std::string_view step_;
  std::unique_ptr<NodeMemory> own_;  // if none is connected
  NodeMemory* memory_;
  int exceptions_;  // that were under way before
};

}  // namespace h5dcp
