#include "plan/merge.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "base/box_order.hpp"
#include "base/rank_list.hpp"
#include "base/whole_box.hpp"
#include "h5dcp/error.hpp"
#include "plan/bounds.hpp"
#include "plan/no_piece.hpp"
#include "plan/replicas.hpp"
#include "plan/tile.hpp"

namespace h5dcp {
namespace {

using Holder = Proposals::Holder;

bool is_value(const Holder& holder) {
  return holder.type == WriteItemType::byte_io;
}

bool are_compatible(const Holder& a, const Holder& b) {
  if (is_value(a) != is_value(b)) return false;
  if (!is_value(a))
    return a.tensor.properties == b.tensor.properties && a.tensor.size == b.tensor.size;
  return a.bytes.kind == b.bytes.kind && a.bytes.dtype == b.bytes.dtype &&
         a.bytes.size == b.bytes.size && a.bytes.nbytes == b.bytes.nbytes &&
         a.bytes.digest == b.bytes.digest;
}

std::string text_of(const Holder& holder) {
  if (is_value(holder)) return "a plain value";
  return to_string(holder.tensor.size) + " " +
         std::string(to_string(holder.tensor.properties.dtype));
}

std::vector<int> ranks_like(const std::vector<Holder>& holders, const Holder& model) {
  std::vector<int> ranks;
  for (const auto& holder : holders) {
    if (are_compatible(holder, model) && (ranks.empty() || ranks.back() != holder.rank)) {
      ranks.push_back(holder.rank);
    }
  }
  return ranks;
}

Error refusal(const std::string& fqn, const std::string& why) {
  return {ErrorCode::invalid_argument, "save '" + fqn + "': " + why};
}

void check_compatible(const Proposals& proposals) {
  const auto& holders = proposals.holders;
  const auto& first = holders.front();
  const auto other = std::ranges::find_if_not(
      holders, [&](const Holder& holder) { return are_compatible(holder, first); });
  if (other == holders.end()) return;

  const auto some = ranks_like(holders, first);
  const auto others = ranks_like(holders, *other);
  if (is_value(first) && is_value(*other)) {
    throw refusal(proposals.fqn,
                  rank_list(some) + " and " + rank_list(others) + " hold different values");
  }
  const auto has = [](const std::vector<int>& ranks) {
    return rank_list(ranks) + (ranks.size() == 1 ? " has " : " have ");
  };
  throw refusal(proposals.fqn, has(some) + text_of(first) + ", " + has(others) + text_of(*other));
}

// The boxes that ranks hold, each once and ascending, and who holds them.
class Pieces {
 public:
  std::vector<Box> boxes;

  // Of a box: positions, one a rank, ascending.
  std::span<const std::size_t> holders(std::size_t box) const {
    const auto end = box + 1 < first_.size() ? first_[box + 1] : holders_.size();
    return std::span(holders_).subspan(first_[box], end - first_[box]);
  }

  void add_box(const Box& box) {
    boxes.push_back(box);
    first_.push_back(holders_.size());
  }
  void add_holder(std::size_t holder) { holders_.push_back(holder); }  // of the last box
  std::size_t last_holder() const { return holders_.back(); }

 private:
  std::vector<std::size_t> holders_;  // of all boxes
  std::vector<std::size_t> first_;    // of each box
};

Pieces gather_pieces(const std::vector<Holder>& holders) {
  std::vector<std::size_t> order(holders.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto precedes = [&](std::size_t a, std::size_t b) {
    return precedes_box(holders[a].tensor.chunk, holders[b].tensor.chunk);
  };
  if (!std::ranges::is_sorted(order, precedes)) std::ranges::stable_sort(order, precedes);
  Pieces pieces;
  pieces.boxes.reserve(holders.size());
  for (const auto i : order) {
    const Box& box = holders[i].tensor.chunk;
    if (box == no_piece(holders[i].tensor.size)) continue;
    const bool is_new = pieces.boxes.empty() || pieces.boxes.back() != box;
    if (is_new) pieces.add_box(box);
    if (is_new || holders[pieces.last_holder()].rank != holders[i].rank) pieces.add_holder(i);
  }
  return pieces;
}

// Throws the fault in words.
class Refuse {
 public:
  Refuse(const Proposals& proposals, const Pieces& pieces)
      : proposals_(proposals), pieces_(pieces) {}

  void operator()(const OutOfBounds& fault) const {
    throw refusal(proposals_.fqn, raw_text(pieces_.boxes[fault.box]) + " of " + ranks(fault.box) +
                                      " is not inside " + size());
  }
  void operator()(const Overlap& fault) const {
    throw refusal(proposals_.fqn, held(fault.first) + " and " + held(fault.second) + " overlap");
  }
  void operator()(const Hole& fault) const {
    throw refusal(proposals_.fqn, "no rank has " + to_string(fault.box) + " of " + size());
  }

 private:
  std::string size() const { return to_string(proposals_.holders.front().tensor.size); }

  std::string ranks(std::size_t piece) const {
    std::vector<int> ranks;
    for (const auto holder : pieces_.holders(piece)) {
      ranks.push_back(proposals_.holders[holder].rank);
    }
    return rank_list(ranks);
  }

  std::string held(std::size_t piece) const {
    return to_string(pieces_.boxes[piece]) + " of " + ranks(piece);
  }

  const Proposals& proposals_;
  const Pieces& pieces_;
};

std::vector<PlannedWrite> merge_value(const Proposals& proposals, Replicas replicas) {
  std::vector<std::size_t> holders;  // one a rank
  for (std::size_t i = 0; i < proposals.holders.size(); ++i) {
    if (i == 0 || proposals.holders[i].rank != proposals.holders[i - 1].rank) holders.push_back(i);
  }
  const Box box = whole_box(proposals.holders.front().bytes.size);
  return {{holders[sole_writer(proposals.fqn, box, holders.size(), replicas)], box}};
}

// Throws if ranks that hold one piece have said that its elements differ.
void check_alike(const Proposals& proposals, const Pieces& pieces) {
  for (std::size_t i = 0; i < pieces.boxes.size(); ++i) {
    std::optional<std::uint64_t> first;
    std::vector<int> some;
    std::vector<int> others;
    for (const auto holder : pieces.holders(i)) {
      const auto& digest = proposals.holders[holder].tensor.digest;
      if (!digest) continue;  // that rank compares nothing
      if (!first) first = digest;
      (digest == first ? some : others).push_back(proposals.holders[holder].rank);
    }
    if (others.empty()) continue;
    throw refusal(proposals.fqn, "in " + to_string(pieces.boxes[i]) + " " + rank_list(others) +
                                     (others.size() == 1 ? " holds" : " hold") +
                                     " other elements than " + rank_list(some) +
                                     ". Shard the tensor, give each rank's a name of its own, or "
                                     "save those of the lowest rank (Replicas::lowest_rank)");
  }
}

std::vector<PlannedWrite> merge_tensor(const Proposals& proposals, Replicas replicas) {
  const TensorWriteData& tensor = proposals.holders.front().tensor;
  Pieces pieces = gather_pieces(proposals.holders);
  if (const auto fault = find_tiling_fault(tensor.size, pieces.boxes)) {
    std::visit(Refuse(proposals, pieces), *fault);
  }
  check_alike(proposals, pieces);
  std::vector<PlannedWrite> writes;
  writes.reserve(pieces.boxes.size());
  for (std::size_t i = 0; i < pieces.boxes.size(); ++i) {
    Box& box = pieces.boxes[i];
    if (numel(box.sizes) == 0) continue;
    const auto holders = pieces.holders(i);
    if (holders.size() == 1) {
      writes.push_back({holders.front(), std::move(box)});
      continue;
    }
    for (auto& share :
         share_out(proposals.fqn, tensor.properties.dtype, box, holders.size(), replicas)) {
      writes.push_back({holders[share.holder], std::move(share.box)});
    }
  }
  return writes;
}

}  // namespace

std::vector<PlannedWrite> merge(const Proposals& proposals, Replicas replicas) {
  check_compatible(proposals);
  return is_value(proposals.holders.front()) ? merge_value(proposals, replicas)
                                             : merge_tensor(proposals, replicas);
}

}  // namespace h5dcp
