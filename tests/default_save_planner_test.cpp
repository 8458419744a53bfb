#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <utility>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

SavePlan plan_of(DefaultSavePlanner& planner, StateDict& state_dict) {
  planner.set_up_planner(state_dict, {}, true);
  return planner.create_local_plan();
}

std::string refusal(StateDict state_dict) {
  DefaultSavePlanner planner;
  try {
    plan_of(planner, state_dict);
    return "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return error.what();
  }
}

TEST(DefaultSavePlanner, PlansOneItemALeafAndShard) {
  std::array<float, 8> memory{};
  const auto rows = [&](std::int64_t from, std::int64_t count) {
    return LocalShard{{{from, 0}, {count, 2}},
                      contiguous_view(memory.data() + from * 2, DType::float32, {count, 2})};
  };
  StateDict state{
      {"model", Map{{"bias", contiguous_view(memory.data(), DType::float32, {3})},
                    {"weight", ShardedTensor{DType::float32, {9, 2}, {rows(0, 1), rows(2, 2)}}},
                    {"elsewhere", ShardedTensor{DType::float16, {7}, {}}}}},
      {"step", 7},
      {"name", "run"}};
  DefaultSavePlanner planner;
  const auto items = plan_of(planner, state).items;
  ASSERT_EQ(items.size(), 5U);

  EXPECT_EQ(items[0].index, (MetadataIndex{"model.bias", Extents{0}, {}}));
  EXPECT_EQ(items[0].type, WriteItemType::tensor);
  EXPECT_EQ(items[0].path, (Path{"model", "bias"}));
  EXPECT_EQ(items[0].tensor_data.value().chunk, (Box{{0}, {3}}));
  EXPECT_EQ(items[0].tensor_data.value().size, (Extents{3}));
  EXPECT_EQ(items[0].tensor_data.value().properties.dtype, DType::float32);
  EXPECT_TRUE(items[0].slices.empty());

  EXPECT_EQ(items[2].index, (MetadataIndex{"model.weight", Extents{2, 0}, {}}));
  EXPECT_EQ(items[2].index.index, 1U);
  EXPECT_EQ(items[2].type, WriteItemType::shard);
  EXPECT_EQ(items[2].tensor_data.value().chunk, (Box{{2, 0}, {2, 2}}));
  EXPECT_EQ(items[2].tensor_data.value().size, (Extents{9, 2}));

  EXPECT_EQ(items[3].index, (MetadataIndex{"step", {}, {}}));
  EXPECT_EQ(items[3].type, WriteItemType::byte_io);
  EXPECT_EQ(items[3].bytes_io_data.value().kind, EntryKind::scalar);
  EXPECT_EQ(items[3].bytes_io_data.value().dtype, DType::int64);
  EXPECT_EQ(items[3].bytes_io_data.value().nbytes, 8U);
  EXPECT_EQ(items[4].bytes_io_data.value().kind, EntryKind::json);
  EXPECT_NE(items[4].bytes_io_data.value().digest, items[3].bytes_io_data.value().digest);
}

TEST(DefaultSavePlanner, EqualValuesHaveEqualDigests) {
  StateDict a{{"cfg", Bytes{1, 2, 3}}};
  StateDict b{{"cfg", Bytes{1, 2, 4}}};
  DefaultSavePlanner planner;
  const auto digest = plan_of(planner, a).items[0].bytes_io_data.value().digest;
  EXPECT_EQ(plan_of(planner, a).items[0].bytes_io_data.value().digest, digest);
  EXPECT_NE(plan_of(planner, b).items[0].bytes_io_data.value().digest, digest);
}

TEST(DefaultSavePlanner, ResolvesItsItems) {
  std::array<float, 8> memory{};
  const auto piece = [&](std::int64_t offset, std::int64_t size, std::size_t place) {
    return LocalShard{{{offset}, {size}},
                      contiguous_view(memory.data() + place, DType::float32, {size})};
  };
  // An empty shard lies at the offset of another: only the hint tells them apart.
  StateDict state{{"w", ShardedTensor{DType::float32, {6}, {piece(2, 0, 0), piece(2, 4, 4)}}},
                  {"b", contiguous_view(memory.data() + 1, DType::float32, {2})},
                  {"s", ShardedTensor{DType::float32,
                                      {},
                                      {{{}, contiguous_view(memory.data(), DType::float32, {})}}}},
                  {"raw", Bytes{5, 6}}};
  DefaultSavePlanner planner;
  auto items = plan_of(planner, state).items;
  ASSERT_EQ(items.size(), 5U);
  const auto view = [&](const WriteItem& item) {
    return std::get<TensorView>(planner.resolve_data(item));
  };
  EXPECT_EQ(view(items[0]).sizes, (Extents{0}));
  EXPECT_EQ(view(items[1]).data, memory.data() + 4);
  EXPECT_EQ(view(items[2]).data, memory.data() + 1);
  EXPECT_EQ(view(items[3]).data, memory.data());
  EXPECT_EQ(std::get<Bytes>(planner.resolve_data(items[4])), (Bytes{5, 6}));

  state["raw"] = Bytes{7};
  EXPECT_EQ(std::get<Bytes>(planner.resolve_data(items[4])), (Bytes{7})) << "encoded when asked";

  items[1].index.offset = Extents{3};
  EXPECT_THROW(planner.resolve_data(items[1]), Error);
  items[1].index.fqn = "x";
  EXPECT_THROW(planner.resolve_data(items[1]), Error);
}

TEST(DefaultSavePlanner, RefusesUnsoundTensors) {
  std::array<float, 8> memory{};
  const auto view = [&](const Extents& sizes, DType dtype = DType::float32) {
    return contiguous_view(memory.data(), dtype, sizes);
  };
  const auto shard = [&](const Box& box, const TensorView& piece) {
    return StateDict{{"w", ShardedTensor{DType::float32, {4, 2}, {{box, piece}}}}};
  };
  auto strideless = view({4});
  strideless.strides = {};
  auto nowhere = view({4});
  nowhere.data = nullptr;
  const std::pair<StateDict, const char*> cases[] = {
      {shard({{3, 0}, {2, 2}}, view({2, 2})),
       "save 'w': a shard with offsets [3, 0], sizes [2, 2] is not inside [4, 2]"},
      {shard({{3}, {1}}, view({1})),
       "save 'w': a shard with offsets [3], sizes [1] is not inside [4, 2]"},
      {shard({{0, 0}, {2, 2}}, view({2, 1})), "save 'w': shard [0:2, 0:2] has a view of [2, 1]"},
      {shard({{0, 0}, {2, 2}}, view({2, 2}, DType::float16)),
       "save 'w': shard [0:2, 0:2] is float16, the tensor float32"},
      {{{"w", strideless}}, "save 'w': sizes [4] with strides []"},
      {{{"w", nowhere}}, "save 'w': a tensor of [4] without memory"},
      {{{"w", view({-1})}}, "save 'w': sizes [-1]: one is negative"},
      {{{"w", ShardedTensor{DType::float32, {-1}, {}}}}, "save 'w': sizes [-1]: one is negative"},
      {{{"w", "\xff"}}, "save 'w': store a string: it is not UTF-8; use bytes"},
  };
  for (const auto& [state_dict, expected] : cases) EXPECT_EQ(refusal(state_dict), expected);
}

TEST(DefaultSavePlanner, PlansWritesAsItsOptionsSay) {
  const Extents size{8, 1 << 18};  // a row is 1 MiB
  const TensorWriteData tensor{{{0, 0}, size}, {DType::float32}, size};
  const Proposals proposals{
      "w",
      {"w"},
      {{3, 0, WriteItemType::tensor, tensor, {}}, {4, 0, WriteItemType::tensor, tensor, {}}}};
  EXPECT_EQ(DefaultSavePlanner().plan_writes(proposals).size(), 2U);
  const auto whole = DefaultSavePlanner({.replicas = Replicas::lowest_rank}).plan_writes(proposals);
  ASSERT_EQ(whole.size(), 1U);
  EXPECT_EQ(whole[0].holder, 0U);
  EXPECT_EQ(whole[0].box, tensor.chunk);
}

}  // namespace
}  // namespace h5dcp
