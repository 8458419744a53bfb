// The group of processes that saves or loads one checkpoint together.

#pragma once

#include <mpi.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "h5dcp/bytes.hpp"
#include "h5dcp/options.hpp"

namespace h5dcp {

struct Channel;

// A call of HDF5 or MPI-IO that waits for other ranks, and has not ended within the deadline.
struct Hang {
  std::string step;  // as in error messages: "write to 'step_100.h5'"
  std::string call;  // where this rank is: "collective H5Dwrite of '/state/model/w'"
  std::string file;  // on which
  int rank = 0;      // this rank
  // The ranks that do not answer, ascending. Empty if all do, or if none can be asked: that takes
  // MPI_THREAD_MULTIPLE.
  std::vector<int> missing;
  std::string text;  // all of this, for people
};

struct CommOptions {
  std::chrono::nanoseconds deadline = std::chrono::minutes(30);  // of each wait
  // The most that one MPI message carries; 16 .. 2^30. The same on all ranks: what the first Comm
  // of a parent is given is compared.
  std::size_t piece_bytes = std::size_t{1} << 30;
  // Called on each rank that is inside such a call, once, from a thread of the library, while the
  // rank goes on waiting. Only ending the job helps: MPI_Abort. What it throws is dropped. By
  // default the text is logged, as an error.
  std::function<void(const Hang&)> on_hang = nullptr;
  int coordinator = 0;  // the rank that does what one must do for all; the same on all ranks
  // The most ranks that are treated as those of one node, neighbours on a machine: they share
  // memory and, with Files::per_node, a data file; 0: all of a machine. The same on all ranks. What
  // the first Comm of a parent says counts for all.
  int ranks_a_node = 0;
  Options options = {};  // what is logged, and where
};

// Bytes for one rank, or from one.
struct Message {
  int rank = 0;
  Bytes bytes;

  bool operator==(const Message&) const = default;
};

// A number that every rank has one of.
struct Spread {
  double min = 0;
  double mean = 0;
  double max = 0;
  int max_rank = 0;  // the lowest of those that have the maximum
};

// What a rank brings to Comm::tally ...
struct Ballot {
  std::array<std::uint64_t, 4> sums{};
  std::array<std::uint64_t, 3> maxima{};
  std::array<double, 3> values{};
};

// ... and what becomes of it over all ranks.
struct Tally {
  std::array<std::uint64_t, 4> sums{};  // modulo 2^64
  std::array<std::uint64_t, 3> maxima{};
  std::array<Spread, 3> spreads{};  // of the values
};

// A cheap handle: copy it freely. All those of one parent are for one thread at a time. Comms of
// different parents may be used by several threads at once, if MPI gives MPI_THREAD_MULTIPLE; so
// may those of alone(), whatever MPI gives.
//
// Behind it are private duplicates of the caller's communicator, so that the library's messages can
// never match the application's. They are made once, live as an attribute of that communicator and
// are freed with it: no Comm may be used after its parent.
//
// Every wait has a deadline. When it passes, every rank that waits throws the same
// CheckpointException{timeout}, which names the ranks that did not arrive, and all Comms of this
// parent are broken for ever: later calls throw that first error at once, as does a late rank's.
// MPI_Finalize may then wait for ever too, so report the error and call MPI_Abort.
//
// HDF5 and MPI-IO wait for other ranks as well, and cannot be made to give up. There a watchdog
// calls CommOptions::on_hang when the deadline passes. If the call ends after all, the Comms are
// broken all the same: the next one throws the timeout, on every rank.
//
// All methods below get() are collective: every rank calls them, in the same order. `step` names
// the call in error messages. An error of MPI itself throws Error{mpi} and breaks the Comm.
class Comm {
 public:
  // The first Comm made from a parent is collective over it; the others cost no communication.
  //
  // Throws Error{invalid_argument} if piece_bytes is out of range, and
  // CheckpointException{invalid_argument} on all ranks if piece_bytes or ranks_a_node of the first
  // Comm is not the same on all of them.
  explicit Comm(MPI_Comm parent, CommOptions options = {});

  // This rank alone, which is rank 0 of 1. Nothing is sent and MPI is not called, so that threads
  // need not share a communicator, and MPI need not be initialised. get() is MPI_COMM_SELF.
  static Comm alone(CommOptions options = {});

  int rank() const;
  int size() const;
  int coordinator() const { return options_.coordinator; }
  bool is_coordinator() const { return rank() == coordinator(); }
  Comm with_coordinator(int rank) const;  // the same handle, but for that
  std::chrono::nanoseconds deadline() const { return options_.deadline; }
  const Options& options() const { return options_.options; }
  // The node of each rank: nodes are numbered from 0 on, in the order of their first ranks.
  const std::vector<std::uint32_t>& nodes() const;
  MPI_Comm get() const;  // for libraries that want a communicator, like HDF5

  // Runs rank-local `work`, then lets every rank know how it went.
  //
  // Returns on every rank, or throws the same CheckpointException on every rank, whatever `work`
  // threw; never a mix. (But a rank that comes just as the others give up may return, and throw
  // their timeout in its next call.)
  // `work` must not communicate. Success costs one allreduce of 16 bytes.
  void agree(std::string_view step, const std::function<void()>& work) const;

  // As agree, and counts what `work` returns on each rank: all in one allreduce of 168 bytes.
  Tally tally(std::string_view step, const std::function<Ballot()>& work) const;

  // Runs rank-local `work` on `root` alone, then lets every rank know how it went: returns what it
  // returned, or throws as agree does. Success costs one broadcast of 9 bytes.
  std::uint64_t delegate(std::string_view step, int root,
                         const std::function<std::uint64_t()>& work) const;

  // root's bytes, on every rank; the others pass none.
  Bytes broadcast(std::string_view step, Bytes bytes, int root) const;

  // Delivers each message to its rank, and returns what the others sent to this one, ordered by
  // sender and, of one sender, as sent. A rank learns who sends to it only here; the cost does not
  // grow with the number of ranks that do not. If a message got lost, the next agree or tally
  // throws CheckpointException{mpi} on all ranks, which names the ranks that miss one.
  std::vector<Message> exchange(std::string_view step, std::vector<Message> messages) const;

  // Element by element over all ranks, which pass as many.
  std::vector<std::uint64_t> sum(std::string_view step, std::vector<std::uint64_t> values) const;
  std::vector<std::uint64_t> max(std::string_view step, std::vector<std::uint64_t> values) const;

  // The sum of `value` over all lower ranks.
  std::uint64_t sum_before(std::string_view step, std::uint64_t value) const;

  // How each of `values` differs between the ranks, which pass as many.
  std::vector<Spread> spread(std::string_view step, const std::vector<double>& values) const;

 private:
  friend class Watchdog;
  friend class NodeSession;
  friend void connect_node(const Comm& comm);
  Comm(std::shared_ptr<Channel> channel, CommOptions options);

  std::shared_ptr<Channel> channel_;
  CommOptions options_;
};

}  // namespace h5dcp
