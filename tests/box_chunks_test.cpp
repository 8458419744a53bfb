#include "layout/box_chunks.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "h5dcp/box.hpp"

namespace h5dcp {
namespace {

TEST(BoxChunks, SuitTensorsInBoxesOfOneSize) {
  constexpr std::int64_t kGiB = std::int64_t{1} << 30;
  struct Case {
    const char* why;
    Extents sizes;
    std::vector<Box> boxes;
    std::optional<Extents> shape;
  };
  const Case cases[] = {
      {"rows", {64, 64}, {{{0, 0}, {32, 64}}, {{32, 0}, {32, 64}}}, Extents{32, 64}},
      {"columns", {64, 64}, {{{0, 32}, {64, 32}}, {{0, 0}, {64, 32}}}, Extents{64, 32}},
      {"less of the last one",
       {64, 60},
       {{{0, 0}, {64, 32}}, {{0, 32}, {64, 28}}},
       Extents{64, 32}},
      {"less at both ends",
       {60, 60},
       {{{0, 0}, {48, 48}}, {{0, 48}, {48, 12}}, {{48, 0}, {12, 48}}, {{48, 48}, {12, 12}}},
       Extents{48, 48}},
      {"one box is one range as it is", {64, 64}, {{{0, 0}, {64, 64}}}, std::nullopt},
      {"no dimensions", {}, {{{}, {}}}, std::nullopt},
      {"nothing at all", {0, 64}, {}, std::nullopt},
      {"less of the first one", {64, 60}, {{{0, 0}, {64, 28}}, {{0, 28}, {64, 32}}}, std::nullopt},
      {"two sizes",
       {96, 64},
       {{{0, 0}, {64, 64}}, {{64, 0}, {32, 32}}, {{64, 32}, {32, 32}}},
       std::nullopt},
      {"of 8 KiB", {64, 64}, {{{0, 0}, {32, 64}}, {{32, 0}, {32, 64}}}, Extents{32, 64}},
      {"of less", {64, 63}, {{{0, 0}, {32, 63}}, {{32, 0}, {32, 63}}}, std::nullopt},
      {"of nearly 4 GiB",
       {2, kGiB - 1},
       {{{0, 0}, {1, kGiB - 1}}, {{1, 0}, {1, kGiB - 1}}},
       Extents{1, kGiB - 1}},
      {"of 4 GiB", {2, kGiB}, {{{0, 0}, {1, kGiB}}, {{1, 0}, {1, kGiB}}}, std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(box_chunk(c.sizes, c.boxes, 4), c.shape) << c.why;
}

TEST(BoxChunks, LieOnPagesOfTheirOwn) {
  const BoxChunks chunks({100, 50}, {40, 30}, 4);  // 3 x 2
  EXPECT_EQ(chunks.count(), 6U);
  EXPECT_EQ(chunks.nbytes(), 4800U);
  EXPECT_EQ(chunks.stride(), 8192U);
  EXPECT_EQ(chunks.all_bytes(), 5U * 8192 + 4800);
  EXPECT_EQ(chunks.part(0, 4096), (DataPart{0, 4096, {{0, 0}, {40, 30}}}));
  EXPECT_EQ(chunks.part(3, 4096), (DataPart{0, 4096 + 3 * 8192, {{40, 30}, {40, 30}}}));
  EXPECT_EQ(chunks.part(5, 0), (DataPart{0, 5 * 8192, {{80, 30}, {40, 30}}})) << "whole";
  EXPECT_EQ(chunks.number_at({0, 0}), 0U);
  EXPECT_EQ(chunks.number_at({79, 29}), 2U);
  EXPECT_EQ(chunks.number_at({99, 49}), 5U);
}

}  // namespace
}  // namespace h5dcp
