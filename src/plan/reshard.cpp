#include <algorithm>
#include <cstdint>
#include <functional>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "plan/bounds.hpp"

namespace h5dcp {
namespace {

void check_inside(const std::string& fqn, const Extents& sizes, const std::vector<Box>& boxes,
                  ErrorCode code, const char* what) {
  const auto stray =
      std::ranges::find_if_not(boxes, [&](const Box& box) { return is_inside(box, sizes); });
  if (stray == boxes.end()) return;
  throw Error(code, "load '" + fqn + "': " + what + " with " + raw_text(*stray) +
                        " is not inside " + to_string(sizes));
}

// That in which the boxes reach furthest, as then a box has the fewest others beside it.
std::size_t sweep_dim(const std::vector<Box>& some, const std::vector<Box>& others) {
  std::size_t best = 0;
  std::int64_t furthest = 0;
  for (std::size_t d = 0; d < some.front().dims(); ++d) {
    std::int64_t reach = 0;
    for (const auto& box : some) reach = std::max(reach, box.offsets[d] + box.sizes[d]);
    for (const auto& box : others) reach = std::max(reach, box.offsets[d] + box.sizes[d]);
    if (reach > furthest) {
      furthest = reach;
      best = d;
    }
  }
  return best;
}

struct Interval {
  std::int64_t start, end;
};

std::vector<Interval> intervals(const std::vector<Box>& boxes, std::size_t dim) {
  std::vector<Interval> found;
  found.reserve(boxes.size());
  for (const auto& box : boxes) {
    if (box.dims() == 0) {
      found.push_back({0, 1});
    } else {
      found.push_back({box.offsets[dim], box.offsets[dim] + box.sizes[dim]});
    }
  }
  return found;
}

std::vector<std::size_t> by_start(const std::vector<Interval>& intervals) {
  std::vector<std::size_t> order(intervals.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::less<>(), [&](std::size_t i) { return intervals[i].start; });
  return order;
}

Extents difference(const Extents& a, const Extents& b) {
  Extents result = a;
  for (std::size_t d = 0; d < a.size(); ++d) result[d] -= b[d];
  return result;
}

}  // namespace

std::vector<ReadItem> create_read_items_for_chunk_list(const std::string& fqn,
                                                       const TensorStorageMetadata& metadata,
                                                       const std::vector<Box>& local_chunks) {
  const auto& saved_chunks = metadata.chunks;
  check_inside(fqn, metadata.size, saved_chunks, ErrorCode::corrupt, "the stored chunk");
  check_inside(fqn, metadata.size, local_chunks, ErrorCode::invalid_argument, "the wanted chunk");
  if (local_chunks.empty() || saved_chunks.empty()) return {};

  std::vector<ReadItem> items;
  const auto add = [&](std::size_t l, std::size_t s) {
    const auto common = intersect(local_chunks[l], saved_chunks[s]);
    if (!common) return;
    items.push_back({LoadItemType::tensor,
                     {fqn, local_chunks[l].offsets, l},
                     difference(common->offsets, local_chunks[l].offsets),
                     {fqn, saved_chunks[s].offsets, s},
                     difference(common->offsets, saved_chunks[s].offsets),
                     common->sizes});
  };
  if (local_chunks.size() == 1 && saved_chunks.size() == 1) {
    add(0, 0);
    return items;
  }

  const auto dim = sweep_dim(local_chunks, saved_chunks);
  const auto local = intervals(local_chunks, dim);
  const auto saved = intervals(saved_chunks, dim);
  const auto saved_order = by_start(saved);
  auto next = saved_order.begin();
  std::set<std::pair<std::int64_t, std::size_t>> active;  // saved chunks by end, then position
  for (const auto l : by_start(local)) {
    active.erase(active.begin(), active.upper_bound({local[l].start, saved.size()}));
    for (; next != saved_order.end() && saved[*next].start < local[l].end; ++next) {
      active.emplace(saved[*next].end, *next);
    }
    for (const auto& [end, s] : active) add(l, s);
  }
  return items;
}

}  // namespace h5dcp
