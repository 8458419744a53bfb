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

#include "h5dcp/comm.hpp"

namespace h5dcp {

// Lives in the Channel of a communicator, once something has asked for it.
class NodeMemory {
 public:
  // What each rank brings, beside a seat: room for the user of a NodeSession.
  static constexpr std::size_t kRoomBytes = (std::size_t{2} << 20) + (std::size_t{16} << 10);

  // Of one rank alone. Throws std::bad_alloc.
  NodeMemory();
  // A part of the segment of that name, which `size` ranks share and rank 0 makes. Throws
  // Error{io}.
  NodeMemory(const std::string& name, int rank, int size);
  NodeMemory(const NodeMemory&) = delete;
  NodeMemory& operator=(const NodeMemory&) = delete;
  ~NodeMemory();

  int rank() const { return rank_; }  // among those of the node
  int size() const { return size_; }
  // size() * kRoomBytes, the same bytes on all ranks; zero at first.
  std::byte* room() const;

 private:
  friend class NodeSession;
  struct Seat;
  Seat& seat(int rank) const;

  int rank_ = 0;
  int size_ = 1;
  std::byte* start_ = nullptr;
  std::size_t nbytes_ = 0;

  // Of this rank. Sessions count alike on all of them.
  std::uint32_t session_ = 0;  // the number of the latest
  std::uint32_t round_ = 0;    // how often it has synced
  int open_ = 0;               // NodeSessions now: they are one session
  bool failed_ = false;        // it is over before its end
};

// Makes the memory, if it is not there yet. Collective over `comm`, as all its methods are.
void connect_node(const Comm& comm);

// What the ranks of a node do together between two messages. Every rank opens it, or none, and all
// have closed it before one opens the next. A rank in trouble must not keep the others waiting: it
// says so by fail(), which leaving the session by an exception does as well.
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
  // Throws CheckpointException{timeout} as every wait of a Comm does.
  std::optional<std::uint64_t> sync(std::uint64_t value);

  // This rank takes no further part.
  void fail() noexcept;

 private:
  const Comm& comm_;
  std::string_view step_;
  std::unique_ptr<NodeMemory> own_;  // if none is connected
  NodeMemory* memory_;
  int exceptions_;  // that were under way before
};

}  // namespace h5dcp
