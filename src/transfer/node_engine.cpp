#include <algorithm>
#include <atomic>
#include <limits>
#include <tuple>
#include <utility>

#include "base/context.hpp"
#include "comm/node.hpp"
#include "transfer/engine.hpp"
#include "transfer/piece_order.hpp"
#include "transfer/piece_walk.hpp"
#include "transfer/window.hpp"
#include "transfer/window_read.hpp"
#include "transfer/window_write.hpp"

namespace h5dcp {
namespace {

// Shorter ranges go through the window.
std::uint64_t window_below(Transfer transfer) {
  if (transfer == Transfer::direct) return 0;
  if (transfer == Transfer::aggregated) return std::numeric_limits<std::uint64_t>::max();
  return std::uint64_t{256} << 10;  // the call for such a range costs little beside its bytes
}

// Which pieces go through the window, file by file in the order of each, and which do not.
struct Parted {
  std::vector<std::size_t> together;
  std::vector<std::size_t> alone;
};

// Whether `next` begins in the same dataset where the one range of `piece` ends.
bool continues(const Piece& piece, const Target& target, const Range& next) {
  const auto range = first_range(piece);
  return piece.target.number == target.number && piece.target.file == target.file &&
         range.nbytes == bytes_of(piece) && range.address + range.nbytes == next.address;
}

// `choose` says of piece i, whose ranges are of so many bytes, whether it goes through the window.
// The last piece of a long range goes where the others do, however short it is.
template <class Choose>
Parted part(const std::vector<Piece>& pieces, const Choose& choose) {
  std::vector<std::tuple<std::uint32_t, std::uint64_t, std::size_t>> by_begin;
  Parted parted;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto first = first_range(pieces[i]);
    const bool goes_on = !parted.alone.empty() && parted.alone.back() + 1 == i &&
                         continues(pieces[i - 1], pieces[i].target, first);
    if (!goes_on && choose(i, first.nbytes)) {
      by_begin.emplace_back(pieces[i].target.file, first.address, i);
    } else {
      parted.alone.push_back(i);
    }
  }
  if (!std::ranges::is_sorted(by_begin)) std::ranges::sort(by_begin);
  parted.together.reserve(by_begin.size());
  for (const auto& [file, begin, i] : by_begin) parted.together.push_back(i);
  return parted;
}

// Each file is gone through once, as there may be more of them than a process can keep open.
void order_by_file(const std::vector<Piece>& pieces, std::vector<std::size_t>& order) {
  const auto file = [&](std::size_t i) { return pieces[i].target.file; };
  if (!std::ranges::is_sorted(order, {}, file)) std::ranges::stable_sort(order, {}, file);
}

class NodeEngine : public Engine {
 public:
  NodeEngine(Comm comm, const CheckpointFiles& files, Transfer transfer, std::size_t datasets)
      : comm_(std::move(comm)),
        files_(files),
        window_below_(window_below(transfer)),
        datasets_(datasets),
        session_(comm_, "wait for the ranks of the node"),
        window_(session_.memory()) {}

  void write(std::string_view /*step*/, const std::vector<Piece>& pieces, const Describe& describe,
             const std::function<const void*(std::size_t)>& data) override {
    guarded([&] {
      Parted parted =
          part(pieces, [&](std::size_t, std::uint64_t nbytes) { return nbytes < window_below_; });
      const auto overlapping = take_overlaps(pieces, parted.together);
      parted.alone.insert(parted.alone.end(), overlapping.begin(), overlapping.end());
      const std::function<const void*(std::size_t)> described = [&](std::size_t i) {
        return with_late_context([&] { return "write " + describe(i); }, [&] { return data(i); });
      };
      each_file(pieces, parted.together, false, [&](const PosixFile& file, const Order& order) {
        WindowWrite(session_, window_, file, pieces, order, describe, described).run();
      });
      order_by_file(pieces, parted.alone);
      for (const auto i : parted.alone) {
        with_late_context([&] { return "write " + describe(i); },
                          [&] {
                            const auto* packed = static_cast<const std::byte*>(data(i));
                            const auto file = files_.at(pieces[i].target.file);
                            each_range(pieces[i], [&](const PieceWalk& walk) {
                              file->write(packed + walk.offset(), walk.nbytes(), walk.address());
                              file->begin_sync(walk.nbytes(), walk.address());
                            });
                          });
      }
    });
  }

  void read(std::string_view /*step*/, const ToRead& wanted, Receiver& receiver) override {
    guarded([&] {
      const auto& pieces = wanted.pieces;
      const auto shared = find_shared(pieces);
      Parted parted = part(pieces, [&](std::size_t i, std::uint64_t nbytes) {
        return nbytes < window_below_ || (!shared.empty() && shared[i]);
      });
      order_by_file(pieces, parted.alone);
      const auto& ranges = wanted.ranges;
      each_file(pieces, parted.together, !ranges.empty(),
                [&](const PosixFile& file, const Order& order) {
                  const bool own = &file == &files_.own();
                  WindowRead(session_, window_, file, {pieces, order, shared},
                             own ? std::span(ranges) : std::span<const Range>(), receiver)
                      .run();
                });
      for (const auto i : parted.alone) {
        const auto* packed =
            with_late_context([&] { return "read " + receiver.describe(i); },
                              [&] {
                                auto* to = static_cast<std::byte*>(receiver.into(i));
                                const auto file = files_.at(pieces[i].target.file);
                                each_range(pieces[i], [&](const PieceWalk& walk) {
                                  file->read(to + walk.offset(), walk.nbytes(), walk.address());
                                });
                                return to;
                              });
        receiver.took(i, packed, false);
      }
    });
  }

 private:
  // The others of the node must not wait for a rank that has failed.
  template <class Work>
  void guarded(const Work& work) {
    try {
      work();
    } catch (...) {
      session_.fail();
      throw;
    }
  }

  using Order = std::vector<std::size_t>;

  // Calls `run` for each file of which some rank of the node has pieces, on all of them, with those
  // of this rank: `together`, file by file. If `own`, this rank has something else in the
  // checkpoint's own file.
  template <class Run>
  void each_file(const std::vector<Piece>& pieces, const Order& together, bool own,
                 const Run& run) {
    if (window_below_ == 0) return;
    if (files_.data_files() == 0) {  // then there is nothing to ask the others
      run(files_.own(), together);
      return;
    }
    for (auto first = together.begin();;) {
      const auto next = first == together.end() ? NodeSession::kNone : pieces[*first].target.file;
      const auto least = session_.sync(std::exchange(own, false) ? 0 : next);
      if (!least || *least == NodeSession::kNone) return;
      const auto last = std::find_if(
          first, together.end(), [&](std::size_t i) { return pieces[i].target.file != *least; });
      run(*files_.at(static_cast<std::uint32_t>(*least)), Order(first, last));
      first = last;
    }
  }

  template <class Move>
  static void each_range(const Piece& piece, const Move& move) {
    for (PieceWalk walk(piece); !walk.at_end(); walk.take(walk.nbytes())) move(walk);
  }

  // The pieces of datasets of which the ranks of the node together want clearly more bytes than
  // there are.
  std::vector<bool> find_shared(const std::vector<Piece>& pieces) {
    const auto& memory = session_.memory();
    if (memory.size() == 1 || window_below_ == 0) return {};
    // Relaxed, as the marks of a Window: a round lies between what each rank clears, what all add
    // and what all look at.
    using Count = std::atomic<std::uint64_t>;
    constexpr auto kRelaxed = std::memory_order_relaxed;
    auto* counts = reinterpret_cast<Count*>(memory.room());
    const auto share = Window::kSlotBytes / sizeof(Count);  // each rank clears one
    const auto room = share * static_cast<std::uint64_t>(memory.size());
    std::vector<bool> shared(pieces.size());
    for (std::uint64_t first = 0; first < datasets_; first += room) {
      if (!session_.sync(0)) return {};  // nobody needs what is there
      auto* own = counts + share * static_cast<std::uint64_t>(memory.rank());
      for (std::uint64_t i = 0; i < share; ++i) own[i].store(0, kRelaxed);
      if (!session_.sync(0)) return {};
      const auto is_here = [&](const Piece& piece) {
        return piece.target.number >= first && piece.target.number - first < room;
      };
      for (const auto& piece : pieces) {
        if (!is_here(piece)) continue;
        counts[piece.target.number - first].fetch_add(bytes_of(piece), kRelaxed);
      }
      if (!session_.sync(0)) return {};
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        const auto& target = pieces[i].target;
        if (!is_here(pieces[i])) continue;
        const auto bytes =
            std::max(target.dataset_bytes,
                     static_cast<std::uint64_t>(numel(target.sizes)) * target.itemsize);
        shared[i] = counts[target.number - first].load(kRelaxed) > bytes + bytes / 4;
      }
    }
    // Nobody writes to the window before the next round is complete: see WindowRead::run().
    return shared;
  }

  const Comm comm_;
  const CheckpointFiles& files_;
  const std::uint64_t window_below_;
  const std::size_t datasets_;
  NodeSession session_;
  Window window_;
};

}  // namespace

std::unique_ptr<Engine> node_engine(const Comm& comm, const CheckpointFiles& files,
                                    Transfer transfer, std::size_t datasets) {
  return std::make_unique<NodeEngine>(comm, files, transfer, datasets);
}

}  // namespace h5dcp
