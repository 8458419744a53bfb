#include "plan/read_passes.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace h5dcp {
namespace {

// The bytes from the first to the last element of a read's destination.
struct Reach {
  std::uint64_t begin, end;
  std::size_t read;
};

// Nullopt if there are no elements.
std::optional<Reach> reach_of(const TensorView& view, std::size_t read) {
  if (numel(view.sizes) == 0) return std::nullopt;
  std::int64_t below = 0;
  std::int64_t above = 1;
  for (std::size_t d = 0; d < view.sizes.size(); ++d) {
    const auto steps = (view.sizes[d] - 1) * view.strides[d];
    (steps < 0 ? below : above) += steps;
  }
  const auto item = static_cast<std::int64_t>(itemsize(view.dtype));
  const auto data = reinterpret_cast<std::uint64_t>(view.data);
  return Reach{data + static_cast<std::uint64_t>(below * item),
               data + static_cast<std::uint64_t>(above * item), read};
}

// Bytes from element to element along dimension d; 0 if there is only one.
std::uint64_t pitch(const TensorView& view, std::size_t d) {
  if (view.sizes[d] < 2) return 0;
  return static_cast<std::uint64_t>(std::abs(view.strides[d])) * itemsize(view.dtype);
}

// How far the elements reach beyond multiples of `period` from the first one.
std::uint64_t width(const TensorView& view, std::uint64_t period) {
  std::uint64_t bytes = itemsize(view.dtype);
  for (std::size_t d = 0; d < view.sizes.size(); ++d) {
    const auto step = pitch(view, d);
    if (step % period != 0) bytes += step * static_cast<std::uint64_t>(view.sizes[d] - 1);
  }
  return bytes;
}

// Whether two views, which reach into each other, may have bytes in common. They have none if
// there is a period, such as the length of a row, of which each view has a band of its own.
bool may_share(const TensorView& a, const TensorView& b, const Reach& at_a, const Reach& at_b) {
  for (const auto* const view : {&a, &b}) {
    for (std::size_t d = 0; d < view->sizes.size(); ++d) {
      const auto period = pitch(*view, d);
      if (period == 0) continue;
      const auto band_a = width(a, period);
      const auto band_b = width(b, period);
      const auto apart = at_b.begin >= at_a.begin
                             ? (at_b.begin - at_a.begin) % period
                             : (period - (at_a.begin - at_b.begin) % period) % period;
      if (apart >= band_a && apart + band_b <= period) return false;
    }
  }
  return true;
}

}  // namespace

std::vector<std::uint32_t> read_passes(
    std::size_t count, const std::function<std::optional<TensorView>(std::size_t)>& destination) {
  std::vector<Reach> reaches;
  reaches.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto view = destination(i);
    const auto reach = view ? reach_of(*view, i) : std::nullopt;
    if (reach) reaches.push_back(*reach);
  }
  if (!std::ranges::is_sorted(reaches, {}, &Reach::begin)) {
    std::ranges::sort(reaches, {}, &Reach::begin);
  }
  const auto apart = [](const Reach& a, const Reach& b) { return b.begin >= a.end; };
  if (std::ranges::adjacent_find(reaches, std::not_fn(apart)) == reaches.end()) return {};

  std::vector<TensorView> views;
  views.reserve(reaches.size());
  for (const auto& reach : reaches) views.push_back(*destination(reach.read));
  std::vector<std::pair<std::size_t, std::size_t>> before;  // the later read, and one before it
  for (std::size_t a = 0; a < reaches.size(); ++a) {
    for (std::size_t b = a + 1; b < reaches.size() && !apart(reaches[a], reaches[b]); ++b) {
      if (!may_share(views[a], views[b], reaches[a], reaches[b])) continue;
      const auto [earlier, later] = std::minmax(reaches[a].read, reaches[b].read);
      before.emplace_back(later, earlier);
    }
  }
  if (before.empty()) return {};
  std::ranges::sort(before);
  std::vector<std::uint32_t> passes(count);
  for (const auto& [later, earlier] : before) {
    passes[later] = std::max(passes[later], passes[earlier] + 1);
  }
  return passes;
}

}  // namespace h5dcp
