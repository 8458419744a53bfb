// Writing what the ranks of a node have in many short ranges: together, in long ones.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "comm/node.hpp"
#include "files/posix_file.hpp"
#include "transfer/engine.hpp"
#include "transfer/ordered_walk.hpp"
#include "transfer/window.hpp"
#include "transfer/window_slot.hpp"

namespace h5dcp {

// Ranks copy what they have into the window, page by page count how much of it there is, and then
// write their slots, of which pages that are not full are left to those who have a part of them.
// Every other rank fills the next window before it writes, since one inode is written by one rank
// at a time.
class WindowWrite {
 public:
  // Of pieces[i] for all i in `order`, none of which begins before the one ahead of it ends. All
  // must outlive it. `data(i)` is good until the next call; `describe(i)` is for errors.
  WindowWrite(NodeSession& session, Window& window, const PosixFile& file,
              const std::vector<Piece>& pieces, const std::vector<std::size_t>& order,
              const Engine::Describe& describe, const OrderedWalk::Data& data)
      : session_(session),
        window_(window),
        file_(file),
        walk_(pieces, order, data),
        describe_(describe) {}

  // Together with the other ranks of the node. Returns early if the session of one has failed.
  // Throws what data() does, Error{io}.
  void run();

 private:
  // A window that this rank has filled as far as it goes.
  struct Filled {
    Window window;
    std::vector<Fragment> fragments;
    std::optional<std::size_t> first_piece;  // of this rank in the window
  };

  Filled fill(std::uint64_t from);
  void flush(const Filled& filled) const;
  std::string what_is_in(const Filled& filled) const;

  NodeSession& session_;
  Window& window_;
  const PosixFile& file_;
  OrderedWalk walk_;
  const Engine::Describe& describe_;
};

}  // namespace h5dcp
