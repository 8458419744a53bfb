// Reading what the ranks of a node want in many short ranges, or several of them want: once, in
// long ranges.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "comm/node.hpp"
#include "files/posix_file.hpp"
#include "h5dcp/bytes.hpp"
#include "transfer/engine.hpp"
#include "transfer/piece_walk.hpp"
#include "transfer/window.hpp"

namespace h5dcp {

// Ranks mark the pages that they want of the window, then read those of their slots that somebody
// wants, then take what they want out of all slots.
//
// Of pieces that several ranks want, those that lie in one slot are checked once, by the rank that
// has read it if it wants them too, which leaves a note.
class WindowRead {
 public:
  // Which pieces; the references must outlive it.
  struct Pieces {
    const std::vector<Piece>& all;
    const std::vector<std::size_t>& order;  // of those in the file, by where they begin
    const std::vector<bool>& shared;        // those that several ranks want; empty: there are none
  };

  // All must outlive it.
  WindowRead(NodeSession& session, Window& window, const PosixFile& file, const Pieces& pieces,
             std::span<const Range> ranges, Receiver& receiver)
      : session_(session),
        window_(window),
        file_(file),
        file_bytes_(file.size()),
        pieces_(pieces.all),
        order_(pieces.order),
        shared_(pieces.shared),
        ranges_(ranges),
        receiver_(receiver) {}

  // Together with the other ranks of the node. Returns early if the session of one has failed.
  // Throws what the receiver does, Error{io}, Error{corrupt}.
  void run();

 private:
  // A piece of which something has been read, but not all.
  struct Open {
    std::size_t piece;
    PieceWalk walk;  // to what was not marked yet
    std::byte* packed;
  };

  // From the window to where it is wanted.
  struct Copy {
    std::uint64_t address;
    std::uint64_t nbytes;
    std::byte* to;
    std::byte* packed;      // where the piece begins
    std::size_t completes;  // the piece of which it is the last part, or kNoPiece
  };
  static constexpr std::size_t kNoPiece = static_cast<std::size_t>(-1);

  // A piece that is one range, and all of it in the window.
  struct Whole {
    std::size_t piece;
    std::uint64_t address;
    std::uint64_t nbytes;
  };

  std::uint64_t next_address();
  void want();
  void want_of(Open& open);
  void want_ranges();
  void mark(std::uint64_t address, std::uint64_t nbytes) const;
  void fetch() const;
  void check_own() const;
  Range in_window(const Range& range) const;
  void take();
  void take_ranges();

  NodeSession& session_;
  Window& window_;
  const PosixFile& file_;
  std::uint64_t file_bytes_;
  const std::vector<Piece>& pieces_;
  const std::vector<std::size_t>& order_;
  const std::vector<bool>& shared_;
  const std::span<const Range> ranges_;
  Receiver& receiver_;
  std::size_t next_ = 0;  // of the order: the first piece that is not open yet
  std::vector<Open> open_;
  std::vector<Copy> copies_;
  std::vector<Whole> wholes_;
  std::size_t first_range_ = 0;  // in this window
  std::size_t next_range_ = 0;   // the first that is not marked to its end
  std::uint64_t marked_to_ = 0;  // of that one
  Bytes broken_;                 // a range that lies in two windows
};

}  // namespace h5dcp
