#include "layout/node_ranges.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace h5dcp {
namespace {

TEST(NodeRanges, AreShortWhereNodesHaveColumns) {
  struct Case {
    std::string why;
    Extents sizes;
    std::vector<Box> boxes;
    std::vector<std::uint32_t> nodes;
    std::uint64_t expected;
  };
  const std::vector<Box> columns{
      {{0, 0}, {8, 4}}, {{0, 4}, {8, 4}}, {{0, 8}, {8, 4}}, {{0, 12}, {8, 4}}};
  const std::vector<Box> rows{{{0, 0}, {3, 16}}, {{3, 0}, {3, 16}}, {{6, 0}, {2, 16}}};
  const std::vector<Box> mesh{
      {{0, 0}, {4, 8}}, {{0, 8}, {4, 8}}, {{4, 0}, {4, 8}}, {{4, 8}, {4, 8}}};
  const Case cases[] = {
      {"each node has half of the columns", {8, 16}, columns, {0, 0, 1, 1}, 8 * 4},
      {"one node has all", {8, 16}, columns, {0, 0, 0, 0}, 0},
      {"columns of a node that are no box count one by one", {8, 16}, columns, {0, 1, 0, 1}, 4 * 4},
      {"the shortest counts", {8, 16}, columns, {0, 1, 1, 1}, 4 * 4},
      {"rows", {8, 16}, rows, {0, 1, 1}, 0},
      {"rows that are far from each other", {8, 16}, rows, {0, 1, 0}, 0},
      {"nodes have rows of a mesh", {8, 16}, mesh, {0, 0, 1, 1}, 0},
      {"nodes have columns of a mesh", {8, 16}, mesh, {0, 1, 0, 1}, 8 * 4},
      {"one row is one range", {1, 16}, {{{0, 0}, {1, 7}}, {{0, 7}, {1, 9}}}, {0, 1}, 0},
      {"an empty box has none", {8, 0}, {{{0, 0}, {8, 0}}}, {0}, 0},
      {"a scalar", {}, {{{}, {}}}, {0}, 0},
      {"inner dimensions", {2, 4, 6}, {{{0, 0, 0}, {2, 3, 6}}, {{0, 3, 0}, {2, 1, 6}}}, {0, 1}, 24},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(shortest_node_range(c.sizes, 4, c.boxes, c.nodes), c.expected) << c.why;
  }
}

}  // namespace
}  // namespace h5dcp
