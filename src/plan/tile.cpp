#include "plan/tile.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

#include "base/whole_box.hpp"
#include "plan/bounds.hpp"

namespace h5dcp {
namespace {

// No end overflows: all boxes are inside the tensor.
std::int64_t end(const Box& box, std::size_t d) {
  return box.offsets[d] + box.sizes[d];
}

struct Halving {
  std::size_t dim = 0;
  std::int64_t at = 0;
};

// A region of the tensor, and the boxes that share elements with it, ascending.
struct Part {
  Box region;
  std::vector<std::size_t> inside;
};

// Halves the tensor, and the boxes in it, until a part shows a fault or lies in a single box. Cuts
// run along sides of boxes, so that there are never more parts than sides can make.
class Bisection {
 public:
  explicit Bisection(std::span<const Box> boxes) : boxes_(boxes) {}

  std::optional<TilingFault> examine(Part whole) {
    std::vector<Part> parts;
    parts.push_back(std::move(whole));
    while (!parts.empty()) {
      const Part part = std::move(parts.back());
      parts.pop_back();
      if (part.inside.empty()) return Hole{part.region};
      const auto cover = std::ranges::find_if(
          part.inside, [&](std::size_t box) { return contains(boxes_[box], part.region); });
      if (cover == part.inside.end()) {
        const Halving cut = best_cut(part);
        parts.push_back(above(cut, part));
        parts.push_back(below(cut, part));
      } else if (part.inside.size() > 1) {
        const auto other = part.inside[cover == part.inside.begin() ? 1 : 0];
        return Overlap{std::min(*cover, other), std::max(*cover, other)};
      }
    }
    return std::nullopt;
  }

 private:
  // Of each dimension's median side, the one that leaves the fewest boxes in the fuller half. As no
  // box covers the region, some dimension has a side in it.
  Halving best_cut(const Part& part) {
    const auto& [region, inside] = part;
    Halving best;
    auto fewest = std::numeric_limits<std::ptrdiff_t>::max();
    for (std::size_t d = 0; d < region.dims(); ++d) {
      sides_.clear();
      for (const auto i : inside) {
        if (boxes_[i].offsets[d] > region.offsets[d]) sides_.push_back(boxes_[i].offsets[d]);
        if (end(boxes_[i], d) < end(region, d)) sides_.push_back(end(boxes_[i], d));
      }
      if (sides_.empty()) continue;
      const auto middle = sides_.begin() + static_cast<std::ptrdiff_t>(sides_.size() / 2);
      std::ranges::nth_element(sides_, middle);
      const Halving cut{d, *middle};
      const auto fuller =
          std::max(std::ranges::count_if(part.inside, [&](auto i) { return is_below(cut, i); }),
                   std::ranges::count_if(part.inside, [&](auto i) { return is_above(cut, i); }));
      if (fuller < fewest) {
        fewest = fuller;
        best = cut;
      }
    }
    return best;
  }

  bool is_below(const Halving& cut, std::size_t i) const {
    return boxes_[i].offsets[cut.dim] < cut.at;
  }
  bool is_above(const Halving& cut, std::size_t i) const {
    return end(boxes_[i], cut.dim) > cut.at;
  }

  Part below(const Halving& cut, const Part& part) const {
    Part half{part.region, {}};
    half.region.sizes[cut.dim] = cut.at - part.region.offsets[cut.dim];
    std::ranges::copy_if(part.inside, std::back_inserter(half.inside),
                         [&](auto i) { return is_below(cut, i); });
    return half;
  }

  Part above(const Halving& cut, const Part& part) const {
    Part half{part.region, {}};
    half.region.offsets[cut.dim] = cut.at;
    half.region.sizes[cut.dim] = end(part.region, cut.dim) - cut.at;
    std::ranges::copy_if(part.inside, std::back_inserter(half.inside),
                         [&](auto i) { return is_above(cut, i); });
    return half;
  }

  std::span<const Box> boxes_;
  std::vector<std::int64_t> sides_;  // kept for its memory
};

bool is_empty(const Extents& sizes) {
  return std::ranges::find(sizes, 0) != sizes.end();
}

// Where boxes begin along a dimension of a tensor, ascending, and where the tensor ends.
std::vector<std::int64_t> cuts_along(std::size_t d, const Extents& sizes,
                                     std::span<const Box> boxes,
                                     const std::vector<std::size_t>& full) {
  std::vector<std::int64_t> cuts;
  for (const auto i : full) {
    const auto first = boxes[i].offsets[d];
    if (cuts.empty() || cuts.back() != first) cuts.push_back(first);
  }
  if (!std::ranges::is_sorted(cuts)) std::ranges::sort(cuts);
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  cuts.push_back(sizes[d]);
  return cuts;
}

// Whether the boxes at `full` are the cells that cuts through the whole tensor make, each once:
// then they tile it. Most programs distribute tensors so, and this is sooner known than by halving.
bool are_cells(const Extents& sizes, std::span<const Box> boxes,
               const std::vector<std::size_t>& full) {
  std::size_t cells = 1;
  std::vector<std::size_t> cell_of(full.size());  // numbered row by row
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    const auto cuts = cuts_along(d, sizes, boxes, full);
    const auto steps = cuts.size() - 1;
    if (cuts.front() != 0 || steps > full.size() / cells) return false;
    cells *= steps;
    for (std::size_t k = 0; k < full.size(); ++k) {
      const Box& box = boxes[full[k]];
      const auto step = std::ranges::lower_bound(cuts, box.offsets[d]) - cuts.begin();
      if (end(box, d) != cuts[static_cast<std::size_t>(step) + 1]) return false;
      cell_of[k] = cell_of[k] * steps + static_cast<std::size_t>(step);
    }
  }
  std::vector<bool> met(cells);
  for (const auto cell : cell_of) {
    if (met[cell]) return false;
    met[cell] = true;
  }
  return cells == full.size();
}

}  // namespace

std::optional<TilingFault> find_tiling_fault(const Extents& sizes, std::span<const Box> boxes) {
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    if (!is_inside(boxes[i], sizes)) return OutOfBounds{i};
  }
  if (is_empty(sizes)) return std::nullopt;
  if (are_slabs(sizes, boxes.size(), [&](std::size_t i) -> const Box& { return boxes[i]; })) {
    return std::nullopt;
  }
  std::vector<std::size_t> full;
  full.reserve(boxes.size());
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    if (!is_empty(boxes[i].sizes)) full.push_back(i);
  }
  if (are_cells(sizes, boxes, full)) return std::nullopt;
  return Bisection(boxes).examine({whole_box(sizes), std::move(full)});
}

}  // namespace h5dcp
