#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>

#include "base/whole_box.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

TensorStorageMetadata tensor(const Extents& size, DType dtype = DType::float32) {
  return {{dtype}, size, {whole_box(size)}};
}

LoadPlan plan_of(DefaultLoadPlanner& planner, StateDict& state_dict, const Metadata& metadata) {
  planner.set_up_planner(state_dict, metadata, true);
  return planner.create_local_plan();
}

std::pair<ErrorCode, std::string> refusal(StateDict state_dict, const Metadata& metadata) {
  DefaultLoadPlanner planner;
  try {
    plan_of(planner, state_dict, metadata);
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {ErrorCode::internal, "no error"};
}

TEST(DefaultLoadPlanner, PlansWhatTheStateDictWants) {
  std::array<float, 8> memory{};
  StateDict state{
      {"step", 0},
      {"model",
       Map{{"w",
            ShardedTensor{
                DType::float32,
                {4, 2},
                {{{{3, 0}, {1, 2}}, contiguous_view(memory.data(), DType::float32, {1, 2})},
                 {{{0, 0}, {1, 2}}, contiguous_view(memory.data() + 2, DType::float32, {1, 2})}}}},
           {"b", contiguous_view(memory.data() + 4, DType::float32, {3})}}}};
  Metadata metadata;
  metadata.state_dict_metadata = {{"model.w", tensor({4, 2})},
                                  {"model.b", tensor({3}, DType::float16)},
                                  {"step", BytesStorageMetadata{EntryKind::scalar}},
                                  {"unwanted", tensor({9})}};
  DefaultLoadPlanner planner;
  const auto items = plan_of(planner, state, metadata).items;
  ASSERT_EQ(items.size(), 4U);
  EXPECT_EQ(items[0].type, LoadItemType::byte_io);
  EXPECT_EQ(items[0].dest_index, (MetadataIndex{"step", {}, {}}));
  EXPECT_EQ(items[0].storage_index, (MetadataIndex{"step", {}, {}}));

  // Shards in the order of their rows, as in DCP.
  EXPECT_EQ(items[1].dest_index, (MetadataIndex{"model.w", Extents{0, 0}, {}}));
  EXPECT_EQ(items[1].dest_index.index, 1U);
  EXPECT_EQ(items[2].dest_index.index, 0U);
  EXPECT_EQ(items[2].storage_offsets, (Extents{3, 0}));
  EXPECT_EQ(planner.resolve_tensor(items[1]).data, memory.data() + 2);
  EXPECT_EQ(planner.resolve_tensor(items[2]).data, memory.data());

  const auto bias = planner.resolve_tensor(items[3]);
  EXPECT_EQ(bias.data, memory.data() + 4);
  EXPECT_EQ(bias.sizes, (Extents{3}));
}

TEST(DefaultLoadPlanner, ResolvesToThePartThatTheItemFills) {
  std::array<float, 12> memory{};
  StateDict state{{"w", contiguous_view(memory.data(), DType::float32, {4, 3})}};
  Metadata metadata;
  metadata.state_dict_metadata = {
      {"w", TensorStorageMetadata{{}, {4, 3}, {{{0, 0}, {4, 1}}, {{0, 1}, {4, 2}}}}}};
  DefaultLoadPlanner planner;
  const auto items = plan_of(planner, state, metadata).items;
  ASSERT_EQ(items.size(), 2U);
  const auto view = planner.resolve_tensor(items[1]);
  EXPECT_EQ(view.data, memory.data() + 1);
  EXPECT_EQ(view.sizes, (Extents{4, 2}));
  EXPECT_EQ(view.strides, (Extents{3, 1}));
}

TEST(DefaultLoadPlanner, ValuesReplaceTheirLeaves) {
  std::array<float, 2> memory{};
  StateDict state{{"lr", 0.5},
                  {"was_tensor", contiguous_view(memory.data(), DType::float32, {2})},
                  {"empty", Map{}}};
  Metadata metadata;
  metadata.state_dict_metadata = {{"lr", BytesStorageMetadata{EntryKind::scalar}},
                                  {"was_tensor", BytesStorageMetadata{EntryKind::json}},
                                  {"empty", BytesStorageMetadata{EntryKind::json}}};
  DefaultLoadPlanner planner;
  const auto items = plan_of(planner, state, metadata).items;
  ASSERT_EQ(items.size(), 3U);
  planner.load_bytes(items[1], "text");
  planner.load_bytes(items[0], 0.25);
  planner.load_bytes(items[2], List{1, 2});
  EXPECT_EQ(state, (StateDict{{"lr", 0.25}, {"was_tensor", "text"}, {"empty", List{1, 2}}}));
}

TEST(DefaultLoadPlanner, NamesMissingKeys) {
  Metadata metadata;
  metadata.state_dict_metadata = {{"model.weight", tensor({1})}, {"opt.step", tensor({1})}};
  EXPECT_EQ(
      refusal({{"rng", 1}}, metadata),
      std::pair(
          ErrorCode::not_found,
          std::string(
              "load: 1 key of the state dict is not in the checkpoint: 'rng'"
              "; 2 of the checkpoint are not in the state "
              "dict: 'model.weight', 'opt.step' (allow_partial_load skips what is missing)")));
  EXPECT_EQ(
      refusal({{"a", 1}, {"model", Map{{"wieght", 1}}}, {"c", 1}}, metadata),
      std::pair(
          ErrorCode::not_found,
          std::string(
              "load: 3 keys of the state dict are not in the checkpoint: 'a', "
              "'model.wieght' (nearest: 'model.weight'), 'c'"
              "; 2 of the checkpoint are not in the state "
              "dict: 'model.weight', 'opt.step' (allow_partial_load skips what is missing)")));
  StateDict many;
  for (int i = 0; i < 20; ++i) many["k" + std::to_string(i)] = i;
  EXPECT_EQ(refusal(many, metadata).second,
            "load: 20 keys of the state dict are not in the checkpoint: 'k0', 'k1', 'k2', 'k3', "
            "'k4', 'k5', 'k6', 'k7' and 12 more; 2 of the checkpoint are not in the state "
            "dict: 'model.weight', 'opt.step' (allow_partial_load skips what is missing)");
}

TEST(DefaultLoadPlanner, SkipsMissingKeysIfAllowed) {
  StateDict state{{"a", 1}, {"b", 2}};
  Metadata metadata;
  metadata.state_dict_metadata = {{"b", BytesStorageMetadata{}}};
  DefaultLoadPlanner planner({.allow_partial_load = true});
  EXPECT_EQ(plan_of(planner, state, metadata).items.size(), 1U);
}

TEST(DefaultLoadPlanner, NothingIsMissingFromEmptyContainers) {
  StateDict state{{"opt", Map{{"groups", List{}}, {"state", Map{}}}}};
  const Metadata metadata;
  DefaultLoadPlanner planner;
  EXPECT_TRUE(plan_of(planner, state, metadata).items.empty());
}

TEST(DefaultLoadPlanner, RefusesWhatDoesNotFit) {
  std::array<double, 16> memory{};
  const auto view = [&](const Extents& sizes, DType dtype = DType::float32) {
    return contiguous_view(memory.data(), dtype, sizes);
  };
  auto expanded = view({4, 2});
  expanded.strides = {0, 1};
  auto read_only = view({4, 2});
  read_only.read_only = true;
  Metadata metadata;
  metadata.state_dict_metadata = {{"w", tensor({4, 2})}, {"z", tensor({4}, DType::complex64)}};
  struct Case {
    StateDict state_dict;
    ErrorCode code;
    const char* message;
  };
  const Case cases[] = {
      {{{"w", view({4, 3}, DType::float16)}},
       ErrorCode::invalid_argument,
       "load 'w': the checkpoint holds [4, 2] float32, the state dict wants [4, 3] float16"},
      {{{"w", ShardedTensor{DType::float32, {5, 2}, {}}}},
       ErrorCode::invalid_argument,
       "load 'w': the checkpoint holds [4, 2] float32, the state dict wants [5, 2] float32"},
      {{{"z", view({4})}},
       ErrorCode::unsupported,
       "load 'z': the checkpoint holds complex64, which does not convert to the state dict's "
       "float32"},
      {{{"w", 3}},
       ErrorCode::invalid_argument,
       "load 'w': the checkpoint holds a tensor, [4, 2] float32, the state dict a plain value"},
      {{{"w", Map{}}},
       ErrorCode::invalid_argument,
       "load 'w': the checkpoint holds a tensor, [4, 2] float32, the state dict a plain value"},
      {{{"w", expanded}},
       ErrorCode::invalid_argument,
       "load 'w': the state dict's tensor of [4, 2] is expanded (strides [0, 1]): its elements are "
       "not memory of their own"},
      {{{"w", ShardedTensor{DType::float32, {4, 2}, {{{{0, 0}, {4, 2}}, expanded}}}}},
       ErrorCode::invalid_argument,
       "load 'w': the state dict's tensor of [4, 2] is expanded (strides [0, 1]): its elements are "
       "not memory of their own"},
      {{{"w", read_only}},
       ErrorCode::invalid_argument,
       "load 'w': the memory of the state dict's tensor is read-only"},
      {{{"w", ShardedTensor{DType::float32, {4, 2}, {{{{4, 0}, {1, 2}}, view({1, 2})}}}}},
       ErrorCode::invalid_argument,
       "load 'w': a shard with offsets [4, 0], sizes [1, 2] is not inside [4, 2]"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(refusal(c.state_dict, metadata), std::pair(c.code, std::string(c.message)));
  }
}

}  // namespace
}  // namespace h5dcp
