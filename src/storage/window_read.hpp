// Reading what the ranks of a node want in many short ranges, or several of them want: once, in
// long ranges.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "comm/node.hpp"
#include "storage/engine.hpp"
#include "storage/piece_walk.hpp"
#include "storage/posix_file.hpp"
#include "storage/window.hpp"

namespace h5dcp {

// Ranks mark the pages that they want of the window, then read those of their slots that somebody
// wants, then copy what they want out of all slots.
class WindowRead {
 public:
  // Of pieces[i] for all i in `order`, ascending by where they begin. All must outlive it.
  WindowRead(NodeSession& session, Window& window, const PosixFile& file,
             const std::vector<Piece>& pieces, const std::vector<std::size_t>& order,
             const std::function<void*(std::size_t)>& into,
             const std::function<void(std::size_t)>& took)
      : session_(session),
        window_(window),
        file_(file),
        file_bytes_(file.size()),
        pieces_(pieces),
        order_(order),
        into_(into),
        took_(took) {}

  // Together with the other ranks of the node. Returns early if the session of one has failed.
  // Throws what into() and took() do, Error{io}, Error{corrupt}.
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
    std::size_t completes;  // the piece of which it is the last part, or kNoPiece
  };
  static constexpr std::size_t kNoPiece = static_cast<std::size_t>(-1);

  std::uint64_t next_address();
  void want();
  void want_of(Open& open);
  void fetch() const;
  void copy() const;

  NodeSession& session_;
  Window& window_;
  const PosixFile& file_;
  std::uint64_t file_bytes_;
  const std::vector<Piece>& pieces_;
  const std::vector<std::size_t>& order_;
  const std::function<void*(std::size_t)>& into_;
  const std::function<void(std::size_t)>& took_;
  std::size_t next_ = 0;  // of the order: the first piece that is not open yet
  std::vector<Open> open_;
  std::vector<Copy> copies_;
};

}  // namespace h5dcp
