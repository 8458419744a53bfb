#include "h5dcp/device_mesh.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

TEST(DeviceMesh, IsRowMajor) {
  const DeviceMesh mesh({2, 3});
  EXPECT_EQ(mesh.size(), 6);
  EXPECT_EQ(mesh.coordinates(0), (Extents{0, 0}));
  EXPECT_EQ(mesh.coordinates(2), (Extents{0, 2}));
  EXPECT_EQ(mesh.coordinates(4), (Extents{1, 1}));
  EXPECT_EQ(DeviceMesh({}).size(), 1);
  EXPECT_EQ(DeviceMesh({}).coordinates(0), Extents{});
}

TEST(LocalBox, CutsAsTorchChunkDoes) {
  struct Case {
    const char* why;
    Extents sizes, mesh;
    std::vector<Placement> placements;
    std::vector<Box> expected;  // of rank 0, 1, ...
  };
  const Case cases[] = {
      {"the last is shorter",
       {10},
       {4},
       {Shard{0}},
       {{{0}, {3}}, {{3}, {3}}, {{6}, {3}}, {{9}, {1}}}},
      {"the last are empty, at the end",
       {5},
       {4},
       {Shard{0}},
       {{{0}, {2}}, {{2}, {2}}, {{4}, {1}}, {{5}, {0}}}},
      {"fewer elements than ranks",
       {2},
       {4},
       {Shard{0}},
       {{{0}, {1}}, {{1}, {1}}, {{2}, {0}}, {{2}, {0}}}},
      {"nothing to cut", {0, 3}, {2}, {Shard{0}}, {{{0, 0}, {0, 3}}, {{0, 0}, {0, 3}}}},
      {"another dimension", {2, 5}, {2}, {Shard{1}}, {{{0, 0}, {2, 3}}, {{0, 3}, {2, 2}}}},
      {"replicas", {4}, {2}, {Replicate{}}, {{{0}, {4}}, {{0}, {4}}}},
      {"two dimensions on a grid",
       {4, 3},
       {2, 2},
       {Shard{0}, Shard{1}},
       {{{0, 0}, {2, 2}}, {{0, 2}, {2, 1}}, {{2, 0}, {2, 2}}, {{2, 2}, {2, 1}}}},
      {"replicas of pieces",
       {4},
       {2, 2},
       {Replicate{}, Shard{0}},
       {{{0}, {2}}, {{2}, {2}}, {{0}, {2}}, {{2}, {2}}}},
      {"one dimension cut twice, from the outermost inwards",
       {10},
       {2, 2},
       {Shard{0}, Shard{0}},
       {{{0}, {3}}, {{3}, {2}}, {{5}, {3}}, {{8}, {2}}}},
      {"empty at the end of the dimension, whichever cut leaves nothing",
       {4},
       {2, 3},
       {Shard{0}, Shard{0}},
       {{{0}, {1}}, {{1}, {1}}, {{4}, {0}}, {{2}, {1}}, {{3}, {1}}, {{4}, {0}}}},
      {"a scalar", {}, {2}, {Replicate{}}, {Box{}, Box{}}},
      {"a mesh without dimensions", {3}, {}, {}, {{{0}, {3}}}},
      {"the largest size",
       {INT64_MAX},
       {2},
       {Shard{0}},
       {{{0}, {std::int64_t{1} << 62}}, {{std::int64_t{1} << 62}, {(std::int64_t{1} << 62) - 1}}}},
  };
  for (const auto& c : cases) {
    const DeviceMesh mesh(c.mesh);
    ASSERT_EQ(mesh.size(), std::ssize(c.expected)) << c.why;
    for (int rank = 0; rank < mesh.size(); ++rank) {
      EXPECT_EQ(local_box(c.sizes, mesh, c.placements, rank),
                c.expected[static_cast<std::size_t>(rank)])
          << c.why << ", rank " << rank;
    }
  }
}

// FSDP2 on the outer mesh dimension, tensor parallelism on the inner one: DTensor's own example.
TEST(LocalBoxes, CutStridedAsDTensorDoes) {
  struct Case {
    const char* why;
    Extents sizes, mesh;
    std::vector<Placement> placements;
    std::vector<std::vector<Box>> expected;  // of rank 0, 1, ...
  };
  const Case cases[] = {
      {"as the documentation of DTensor has it",
       {8},
       {2, 2},
       {StridedShard{0, 2}, Shard{0}},
       {{{{0}, {2}}}, {{{4}, {2}}}, {{{2}, {2}}}, {{{6}, {2}}}}},
      {"a factor of one is Shard", {5}, {2}, {StridedShard{0, 1}}, {{{{0}, {3}}}, {{{3}, {2}}}}},
      {"several boxes, the last shorter and then empty",
       {9},
       {4},
       {StridedShard{0, 2}},
       {{{{0}, {2}}, {{5}, {1}}},
        {{{2}, {2}}, {{6}, {1}}},
        {{{4}, {1}}, {{7}, {1}}},
        {{{8}, {1}}}}},
      {"row by row",
       {4, 4},
       {2, 1},
       {StridedShard{1, 2}, StridedShard{0, 2}},
       {{{{0, 0}, {4, 1}}, {{0, 2}, {4, 1}}}, {{{0, 1}, {4, 1}}, {{0, 3}, {4, 1}}}}},
      {"nothing left",
       {4, 1},
       {2, 2},
       {StridedShard{0, 2}, Shard{1}},
       {{{{0, 0}, {1, 1}}, {{2, 0}, {1, 1}}},
        {{{0, 1}, {1, 0}}},
        {{{1, 0}, {1, 1}}, {{3, 0}, {1, 1}}},
        {{{1, 1}, {1, 0}}}}},
  };
  for (const auto& c : cases) {
    const DeviceMesh mesh(c.mesh);
    ASSERT_EQ(mesh.size(), std::ssize(c.expected)) << c.why;
    for (int rank = 0; rank < mesh.size(); ++rank) {
      EXPECT_EQ(local_boxes(c.sizes, mesh, c.placements, rank),
                c.expected[static_cast<std::size_t>(rank)])
          << c.why << ", rank " << rank;
    }
  }
}

TEST(LocalBox, RefusesWhatHasNoPlace) {
  struct Case {
    std::function<void()> call;
    const char* expected;
  };
  const DeviceMesh mesh({2, 3});
  float memory[4] = {};
  const auto local = contiguous_view(memory, DType::float32, {4});
  const Case cases[] = {
      {[] {
         DeviceMesh({2, 0});
       },
       "make a mesh of [2, 0]: every size must be at least 1"},
      {[&] { static_cast<void>(mesh.coordinates(6)); }, "rank 6 is not in a mesh of [2, 3]"},
      {[&] { static_cast<void>(mesh.coordinates(-1)); }, "rank -1 is not in a mesh of [2, 3]"},
      {[&] { local_box({4}, mesh, {Shard{0}}, 0); },
       "place a tensor of [4] on a mesh of [2, 3]: 1 placements, but the mesh has 2 dimensions"},
      {[&] {
         local_box({4}, mesh, {Replicate{}, Shard{1}}, 0);
       },
       "place a tensor of [4] on a mesh of [2, 3]: placement 1 cuts dimension 1, which the tensor "
       "does not have"},
      {[&] {
         local_box({-4}, mesh, {Replicate{}, Shard{0}}, 0);
       },
       "sizes [-4]: one is negative"},
      {[&] {
         local_box({4}, mesh, {StridedShard{0, 0}, Replicate{}}, 0);
       },
       "place a tensor of [4] on a mesh of [2, 3]: placement 0 has a split factor of 0"},
      {[&] {
         local_box({8}, mesh, {StridedShard{0, 2}, Replicate{}}, 0);
       },
       "place a tensor of [8] on a mesh of [2, 3]: rank 0 holds 2 boxes, from [0:2] to [4:6]; "
       "local_boxes returns them all"},
      {[&] {
         distribute(local, {12}, mesh, {StridedShard{0, 2}, Replicate{}}, 4);
       },
       "distribute a tensor of [12]: rank 4 holds 2 boxes of together [6], but its piece has sizes "
       "[4]"},
      {[&] {
         distribute(local, {12}, mesh, {Shard{0}, Replicate{}}, 4);
       },
       "distribute a tensor of [12]: rank 4 holds [6:12], but its piece has sizes [4]"},
  };
  for (const auto& c : cases) {
    try {
      c.call();
      ADD_FAILURE() << "no error: " << c.expected;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      EXPECT_STREQ(error.what(), c.expected);
    }
  }
}

TEST(Distribute, SaysWhereTheLocalPieceLies) {
  float memory[6] = {};
  const auto local = contiguous_view(memory, DType::float32, {6});
  const auto sharded = distribute(local, {12}, DeviceMesh({2, 3}), {Shard{0}, Replicate{}}, 4);
  EXPECT_EQ(sharded.dtype, DType::float32);
  EXPECT_EQ(sharded.sizes, Extents{12});
  ASSERT_EQ(sharded.shards.size(), 1U);
  EXPECT_EQ(sharded.shards[0].box, (Box{{6}, {6}}));
  EXPECT_EQ(sharded.shards[0].view.data, memory);
}

TEST(Distribute, MakesAShardOfEachBox) {
  std::vector<float> memory(12);
  const auto local = contiguous_view(memory.data(), {4, 3});
  const DeviceMesh mesh({2});
  const auto sharded = distribute(local, {8, 3}, mesh, {StridedShard{0, 2}}, 1);
  ASSERT_EQ(sharded.shards.size(), 2U);
  EXPECT_EQ(sharded.shards[0].box, (Box{{2, 0}, {2, 3}}));
  EXPECT_EQ(sharded.shards[1].box, (Box{{6, 0}, {2, 3}}));
  EXPECT_EQ(sharded.shards[0].view.data, memory.data());
  EXPECT_EQ(sharded.shards[1].view.data, memory.data() + 6);
  EXPECT_EQ(sharded.shards[1].view.sizes, (Extents{2, 3}));
}

using Indices = std::vector<std::int64_t>;

// torch.chunk as its documentation has it, on the elements themselves.
std::vector<Indices> chunk(const Indices& indices, std::int64_t pieces) {
  const auto count = std::ssize(indices);
  const auto length = (count + pieces - 1) / pieces;
  std::vector<Indices> chunks(static_cast<std::size_t>(pieces));
  for (std::int64_t i = 0; i < count; ++i) {
    chunks[static_cast<std::size_t>(i / length)].push_back(indices[static_cast<std::size_t>(i)]);
  }
  return chunks;
}

RC_GTEST_PROP(LocalBox, HasTheElementsThatTorchChunkGives, ()) {
  using rc::gen::container;
  using rc::gen::inRange;
  const auto dims = *inRange<std::size_t>(1, 4);
  const auto sizes = *container<Indices>(dims, inRange<std::int64_t>(0, 12));
  const auto mesh_sizes =
      *container<Indices>(*inRange<std::size_t>(1, 4), inRange<std::int64_t>(1, 5));
  const DeviceMesh mesh{Extents(mesh_sizes)};
  std::vector<Placement> placements;
  std::int64_t copies = 1;  // of each element
  for (const auto mesh_size : mesh_sizes) {
    const auto dim = *inRange<std::size_t>(0, dims + 1);
    if (dim == dims) {
      placements.emplace_back(Replicate{});
      copies *= mesh_size;
    } else {
      placements.emplace_back(Shard{dim});
    }
  }

  std::map<Indices, std::int64_t> holders;  // of each element, over all ranks
  for (int rank = 0; rank < mesh.size(); ++rank) {
    const auto coordinates = mesh.coordinates(rank);
    std::vector<Indices> expected;  // in each dimension
    for (const auto size : sizes) {
      expected.emplace_back();
      for (std::int64_t i = 0; i < size; ++i) expected.back().push_back(i);
    }
    for (std::size_t m = 0; m < placements.size(); ++m) {
      if (const auto* shard = std::get_if<Shard>(&placements[m])) {
        auto& cut = expected[shard->dim];
        cut = chunk(cut, mesh_sizes[m])[static_cast<std::size_t>(coordinates[m])];
      }
    }

    const Box box = local_box(Extents(sizes), mesh, placements, rank);
    RC_ASSERT(contains({Extents(Indices(dims)), Extents(sizes)}, box));
    std::vector<Indices> elements = {{}};
    for (std::size_t d = 0; d < dims; ++d) {
      Indices covered;
      for (std::int64_t i = 0; i < box.sizes[d]; ++i) covered.push_back(box.offsets[d] + i);
      RC_ASSERT(covered == expected[d]);

      std::vector<Indices> longer;
      for (const auto& element : elements) {
        for (const auto i : covered) {
          longer.push_back(element);
          longer.back().push_back(i);
        }
      }
      elements = longer;
    }
    for (const auto& element : elements) ++holders[element];
  }

  RC_ASSERT(std::ssize(holders) == numel(Extents(sizes)));  // none is missing
  for (const auto& [element, count] : holders) RC_ASSERT(count == copies);
}

}  // namespace
}  // namespace h5dcp
