#include "plan/tile.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <ostream>
#include <string>

#include "base/whole_box.hpp"
#include "tilings.hpp"

namespace h5dcp {
namespace {

constexpr auto kMax = std::numeric_limits<std::int64_t>::max();

std::string text_of(const std::optional<TilingFault>& fault) {
  if (!fault) return "fine";
  if (const auto* stray = std::get_if<OutOfBounds>(&*fault)) {
    return "stray " + std::to_string(stray->box);
  }
  if (const auto* overlap = std::get_if<Overlap>(&*fault)) {
    return "overlap " + std::to_string(overlap->first) + " " + std::to_string(overlap->second);
  }
  return "hole " + to_string(std::get<Hole>(*fault).box);
}

TEST(Tile, FindsTheFault) {
  struct Case {
    const char* why;
    Extents sizes;
    std::vector<Box> boxes;
    std::string expected;
  };
  const Case cases[] = {
      {"one box", {4, 4}, {{{0, 0}, {4, 4}}}, "fine"},
      {"a scalar", {}, {{}}, "fine"},
      {"a scalar nobody has", {}, {}, "hole []"},
      {"a tensor without elements", {0, 4}, {}, "fine"},
      {"... and an empty box of it", {0, 4}, {{{0, 0}, {0, 4}}}, "fine"},
      {"nobody has anything", {4}, {}, "hole [0:4]"},
      {"only an empty box", {4}, {{{4}, {0}}}, "hole [0:4]"},
      {"an empty box in the middle of another", {4}, {{{0}, {4}}, {{2}, {0}}}, "fine"},
      {"a pinwheel, which no straight cut divides",
       {3, 3},
       {{{0, 0}, {1, 2}}, {{0, 2}, {2, 1}}, {{2, 1}, {1, 2}}, {{1, 0}, {2, 1}}, {{1, 1}, {1, 1}}},
       "fine"},
      {"... without its hub",
       {3, 3},
       {{{0, 0}, {1, 2}}, {{0, 2}, {2, 1}}, {{2, 1}, {1, 2}}, {{1, 0}, {2, 1}}},
       "hole [1:2, 1:2]"},
      {"a hole and an overlap of equal volume", {6}, {{{0}, {3}}, {{2}, {3}}}, "overlap 0 1"},
      {"equal offsets, other sizes", {4}, {{{0}, {4}}, {{0}, {2}}}, "overlap 0 1"},
      {"equal boxes", {4}, {{{0}, {4}}, {{0}, {4}}}, "overlap 0 1"},
      {"too long", {4}, {{{0}, {5}}}, "stray 0"},
      {"too far", {4}, {{{0}, {4}}, {{5}, {0}}}, "stray 1"},
      {"before the start", {4}, {{{-1}, {5}}}, "stray 0"},
      {"a negative size", {4}, {{{0}, {4}}, {{2}, {-1}}}, "stray 1"},
      {"fewer dimensions", {4, 4}, {{{0}, {4}}}, "stray 0"},
      {"more offsets than sizes", {4}, {{{0}, {}}}, "stray 0"},
      {"an end past 2^63", {kMax}, {{{kMax - 1}, {kMax}}}, "stray 0"},
      {"huge, and halved", {kMax, 2}, {{{0, 0}, {kMax, 1}}, {{0, 1}, {kMax, 1}}}, "fine"},
      {"the last element of a huge one",
       {kMax},
       {{{0}, {kMax - 1}}},
       "hole [9223372036854775806:9223372036854775807]"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(text_of(find_tiling_fault(c.sizes, c.boxes)), c.expected) << c.why;
  }
}

// Looking at all pairs of so many would outlast the test's time.
TEST(Tile, IsFastEnoughForManyBoxes) {
  constexpr std::int64_t kSide = 320;
  std::vector<Box> boxes;
  for (std::int64_t i = 0; i < kSide; ++i) {
    for (std::int64_t j = 0; j < kSide; ++j) boxes.push_back({{i * 2, j * 3}, {2, 3}});
  }
  boxes.pop_back();
  EXPECT_EQ(text_of(find_tiling_fault({kSide * 2, kSide * 3}, boxes)), "hole [638:640, 957:960]");
}

// Spoils a tiling, or not.
void mutate(std::vector<Box>& boxes, const Extents& sizes) {
  const auto i = any_of<std::size_t>(0, boxes.size() - 1);
  switch (any_of(0, 5)) {
    case 0:
      boxes.erase(boxes.begin() + static_cast<std::ptrdiff_t>(i));
      break;
    case 1:
      if (!sizes.empty()) boxes[i].sizes[any_of<std::size_t>(0, sizes.size() - 1)] += any_of(-1, 1);
      break;
    case 2:
      if (!sizes.empty()) {
        boxes[i].offsets[any_of<std::size_t>(0, sizes.size() - 1)] += any_of(-1, 1);
      }
      break;
    case 3:
      boxes.push_back(any_box(sizes));
      break;
    case 4:
      boxes[i] = any_box(sizes);
      break;
    default:  // as it was
      break;
  }
}

bool sticks_out(const Box& box, const Extents& sizes) {
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    if (box.offsets[d] < 0 || box.sizes[d] < 0 || box.offsets[d] + box.sizes[d] > sizes[d]) {
      return true;
    }
  }
  return false;
}

void agrees_with_counting(const Extents& sizes, const std::vector<Box>& boxes) {
  const auto fault = find_tiling_fault(sizes, boxes);
  RC_LOG() << to_string(sizes) << ": " << text_of(fault) << '\n';
  for (const auto& box : boxes) {
    RC_LOG() << to_string(box.offsets) << " " << to_string(box.sizes) << '\n';
  }

  if (std::ranges::any_of(boxes, [&](const Box& box) { return sticks_out(box, sizes); })) {
    RC_ASSERT(std::holds_alternative<OutOfBounds>(fault.value()));
    RC_ASSERT(sticks_out(boxes[std::get<OutOfBounds>(*fault).box], sizes));
    return;
  }
  const auto holders = [&](const Extents& element) {
    return std::ranges::count_if(boxes, [&](const Box& box) { return holds(box, element); });
  };
  bool once = true;
  const Box whole = whole_box(sizes);
  for_each_element(whole, [&](const Extents& element) { once = once && holders(element) == 1; });
  RC_ASSERT(once == !fault.has_value());
  if (once) return;

  std::size_t elements = 0;
  bool right = true;
  if (const auto* hole = std::get_if<Hole>(&*fault)) {
    for_each_element(hole->box, [&](const Extents& element) {
      ++elements;
      right = right && holds(whole, element) && holders(element) == 0;
    });
    RC_ASSERT(right);
  } else {
    const auto overlap = std::get<Overlap>(*fault);
    RC_ASSERT(overlap.first < overlap.second);
    for_each_element(boxes[overlap.first], [&](const Extents& element) {
      if (holds(boxes[overlap.second], element)) ++elements;
    });
  }
  RC_ASSERT(elements > 0U);
}

RC_GTEST_PROP(Tile, AgreesWithCountingOnSpoiltTilings, ()) {
  const auto sizes = any_sizes(6);
  auto boxes = any_tiling(sizes);
  for (auto spoils = any_of(0, 3); spoils > 0 && !boxes.empty(); --spoils) mutate(boxes, sizes);
  agrees_with_counting(sizes, boxes);
}

RC_GTEST_PROP(Tile, AgreesWithCountingOnAnyBoxes, ()) {
  const auto sizes = any_sizes(3);
  std::vector<Box> boxes(any_of<std::size_t>(0, 4));
  for (auto& box : boxes) box = any_box(sizes);
  agrees_with_counting(sizes, boxes);
}

RC_GTEST_PROP(Tile, TakesEveryTiling, ()) {
  const auto sizes = any_sizes(8);
  RC_ASSERT(!find_tiling_fault(sizes, any_tiling(sizes)).has_value());
}

}  // namespace
}  // namespace h5dcp
