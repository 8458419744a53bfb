#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <utility>
#include <variant>

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
  ASSERT_EQ(items.size(), 6U);

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

  // The owner of the name must know it, even if no rank has a shard.
  EXPECT_EQ(items[3].index, (MetadataIndex{"model.elsewhere", Extents{7}, {}}));
  EXPECT_FALSE(items[3].index.index);
  EXPECT_EQ(items[3].type, WriteItemType::shard);
  EXPECT_EQ(items[3].tensor_data.value().chunk, (Box{{7}, {0}}));
  EXPECT_EQ(items[3].tensor_data.value().size, (Extents{7}));
  EXPECT_EQ(items[3].tensor_data.value().properties.dtype, DType::float16);
  EXPECT_FALSE(items[3].tensor_data.value().digest);
  EXPECT_EQ(std::get<TensorView>(planner.resolve_data(items[3])).sizes, Extents{0});

  EXPECT_EQ(items[4].index, (MetadataIndex{"step", {}, {}}));
  EXPECT_EQ(items[4].type, WriteItemType::byte_io);
  EXPECT_EQ(items[4].bytes_io_data.value().kind, EntryKind::scalar);
  EXPECT_EQ(items[4].bytes_io_data.value().dtype, DType::int64);
  EXPECT_EQ(items[4].bytes_io_data.value().nbytes, 8U);
  EXPECT_EQ(items[5].bytes_io_data.value().kind, EntryKind::json);
  EXPECT_NE(items[5].bytes_io_data.value().digest, items[4].bytes_io_data.value().digest);
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

TEST(DefaultSavePlanner, AGlobalPlanHasARankWithoutAShardOnlyIfAllAre) {
  std::array<float, 4> memory{};
  const LocalShard all{{{0}, {4}}, contiguous_view(memory.data(), {4})};
  StateDict here{{"w", ShardedTensor{DType::float32, {4}, {all}}},
                 {"e", ShardedTensor{DType::float32, {0, 3}, {}}}};
  StateDict there{{"w", ShardedTensor{DType::float32, {4}, {}}},
                  {"e", ShardedTensor{DType::float32, {0, 3}, {}}}};
  DefaultSavePlanner planner;
  const auto first = plan_of(planner, there);
  const auto global = planner.create_global_plan({first, plan_of(planner, here)});
  ASSERT_EQ(global.plans.at(0).items.size(), 1U);
  EXPECT_EQ(global.plans.at(0).items[0].index.fqn, "e");
  ASSERT_EQ(global.plans.at(1).items.size(), 1U);
  EXPECT_EQ(global.plans.at(1).items[0].index.fqn, "w");
  const auto& entry = global.metadata.state_dict_metadata.at("w");
  EXPECT_EQ(std::get<TensorStorageMetadata>(entry).chunks.size(), 1U);
  EXPECT_TRUE(global.metadata.state_dict_metadata.contains("e"));
  EXPECT_THROW(planner.create_global_plan({first, SavePlan{}}), Error) << "nobody has 'w'";
}

TEST(DefaultSavePlanner, ResolvesTheItemsOfAGlobalPlan) {
  // In it hints count the chunks of all ranks: here the empty shard is where rank 1's would be.
  std::array<float, 8> memory{};
  const auto piece = [&](std::int64_t offset, std::int64_t size) {
    return LocalShard{{{offset}, {size}},
                      contiguous_view(memory.data() + offset, DType::float32, {size})};
  };
  StateDict others{{"w", ShardedTensor{DType::float32, {8}, {piece(0, 4)}}}};
  StateDict state{{"w", ShardedTensor{DType::float32, {8}, {piece(4, 4), piece(4, 0)}}}};
  DefaultSavePlanner planner;
  const auto other_plan = plan_of(planner, others);
  const std::vector<SavePlan> plans{other_plan, plan_of(planner, state)};
  for (const bool deduped : {true, false}) {
    const auto global = create_default_global_save_plan(deduped ? dedup_save_plans(plans) : plans);
    const auto& items = global.plans.at(1).items;
    EXPECT_EQ(items.size(), deduped ? 1U : 2U);
    EXPECT_EQ(items.at(0).index.index, 1U);
    for (const auto& item : items) {
      const auto view = std::get<TensorView>(planner.resolve_data(item));
      EXPECT_EQ(view.sizes, item.tensor_data.value().chunk.sizes) << deduped;
      EXPECT_EQ(view.data, memory.data() + 4);
    }
  }
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

TEST(DefaultSavePlanner, OnlyItsOwnBalanceNeedsAllPlans) {
  const std::pair<Replicas, bool> cases[] = {{Replicas::split, false},
                                             {Replicas::lowest_rank, false},
                                             {Replicas::compare, false},
                                             {Replicas::least_loaded, true}};
  for (const auto& [replicas, needs] : cases) {
    EXPECT_EQ(DefaultSavePlanner({.replicas = replicas}).needs_all_plans(), needs);
    EXPECT_TRUE(GlobalSavePlanner({.replicas = replicas}).needs_all_plans());
  }
}

TEST(DefaultSavePlanner, LooksUpWhatAnIndexNames) {
  std::array<float, 4> memory{};
  const auto tail = contiguous_view(memory.data() + 2, DType::float32, {2});
  StateDict state{{"model", Map{{"w", ShardedTensor{DType::float32, {4}, {{{{2}, {2}}, tail}}}}}},
                  {"step", 7}};
  DefaultSavePlanner planner;
  plan_of(planner, state);
  EXPECT_TRUE(planner.lookup_object({"model.w", Extents{2}, {}}) == Value(tail));
  EXPECT_TRUE(planner.lookup_object({"step", {}, {}}) == Value(7));
  const auto error_of = [&](const MetadataIndex& index) -> std::string {
    try {
      planner.lookup_object(index);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(error_of({"step", Extents{0}, {}}), "look up 'step': it is no tensor");
  EXPECT_EQ(error_of({"model", {}, {}}), "save 'model': not in the state dict");
  EXPECT_EQ(error_of({"model.w", Extents{0}, {}}),
            "look up 'model.w': the state dict has no piece at [0]");
}

TEST(DefaultSavePlanner, WritesWhatItsTransformationMakes) {
  struct Upper : DefaultSavePlanner {
    std::variant<TensorView, Bytes> transform_object(const WriteItem& item, Value object) override {
      if (item.index.fqn == "name") object = "RUN " + std::get<std::string>(object);
      return DefaultSavePlanner::transform_object(item, std::move(object));
    }
  };
  StateDict state{{"name", "x"}};
  Upper planner;
  const auto item = plan_of(planner, state).items.at(0);
  const std::string json = "\"RUN x\"";
  EXPECT_EQ(std::get<Bytes>(planner.resolve_data(item)), Bytes(json.begin(), json.end()));
  StateDict same{{"name", "RUN x"}};
  DefaultSavePlanner plain;
  const auto plain_item = plan_of(plain, same).items.at(0);
  EXPECT_EQ(item.bytes_io_data->nbytes, json.size());
  EXPECT_EQ(item.bytes_io_data->digest, plain_item.bytes_io_data->digest) << "of what is written";
}

TEST(DefaultSavePlanner, ComparesElementsWhereverTheyLie) {
  // The transpose of a matrix, and the same numbers side by side.
  std::array<float, 6> memory{1, 2, 3, 4, 5, 6};
  std::array<float, 6> transposed{1, 4, 2, 5, 3, 6};
  auto view = contiguous_view(memory.data(), {3, 2});
  view.strides = {1, 3};
  StateDict a{{"w", view}, {"k", 1}};
  StateDict b{{"w", contiguous_view(transposed.data(), {3, 2})}, {"k", 1}};
  const auto digest = [](StateDict& state, Replicas replicas) {
    DefaultSavePlanner planner({.replicas = replicas});
    const auto plan = plan_of(planner, state);
    EXPECT_FALSE(plan.items.at(1).tensor_data);
    return plan.items.at(0).tensor_data->digest.value();
  };
  for (const auto replicas : {Replicas::compare, Replicas::split, Replicas::least_loaded}) {
    const auto of_a = digest(a, replicas);
    EXPECT_EQ(digest(b, replicas), of_a);
    transposed[5] = -6;
    EXPECT_NE(digest(b, replicas), of_a);
    transposed[5] = 6;
  }
  DefaultSavePlanner lowest({.replicas = Replicas::lowest_rank});
  EXPECT_FALSE(plan_of(lowest, b).items.at(0).tensor_data->digest) << "others are dropped";
}

TEST(DefaultSavePlanner, RefusesReplicasThatDiffer) {
  const Extents size{4};
  const auto holder = [&](int rank, std::int64_t offset, std::uint64_t digest) {
    return Proposals::Holder{
        rank, 0, WriteItemType::shard, {{{offset}, {2}}, {DType::float32}, size, digest}, {}};
  };
  const DefaultSavePlanner planner({.replicas = Replicas::compare});
  const Proposals alike{"w", {"w"}, {holder(0, 0, 1), holder(0, 2, 2), holder(1, 0, 1)}};
  EXPECT_EQ(planner.plan_writes(alike).size(), 2U);
  const Proposals differing{
      "w",
      {"w"},
      {holder(0, 0, 1), holder(0, 2, 2), holder(1, 2, 3), holder(2, 2, 2), holder(3, 2, 4)}};
  try {
    planner.plan_writes(differing);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_STREQ(error.what(),
                 "save 'w': in [2:4] ranks 1, 3 hold other elements than ranks 0, 2. Shard the "
                 "tensor, give each rank's a name of its own, or save those of the lowest rank "
                 "(Replicas::lowest_rank)");
  }
}

TEST(DefaultSavePlanner, WithoutFlatteningEachKeyIsOneItem) {
  std::array<float, 2> memory{};
  const Map config{{"a", Map{{"b", List{1, "x"}}}}};
  StateDict state{{"w", contiguous_view(memory.data(), {2})}, {"config", config}};
  DefaultSavePlanner planner({.flatten_state_dict = false});
  const auto items = plan_of(planner, state).items;
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].type, WriteItemType::tensor);
  EXPECT_EQ(items[1].index, (MetadataIndex{"config", {}, {}}));
  EXPECT_EQ(items[1].path, Path{"config"});
  EXPECT_EQ(items[1].bytes_io_data->kind, EntryKind::json);

  StateDict nested{{"model", Map{{"w", contiguous_view(memory.data(), {2})}}}};
  try {
    plan_of(planner, nested);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    EXPECT_STREQ(error.what(), "save 'model': store a value: there is a tensor in it");
  }
}

TEST(DefaultSavePlanner, NamesAllKeysThatCannotBeSaved) {
  StateDict state{{"step", 7}};
  for (int i = 0; i < 10; ++i) {
    state["w" + std::to_string(i)] = contiguous_view(nullptr, DType::float32, {2});
  }
  DefaultSavePlanner planner;
  try {
    plan_of(planner, state);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_TRUE(
        text.starts_with("save: 10 keys of the state dict cannot be saved:\n"
                         "  save 'w0': a tensor of [2] without memory\n"))
        << text;
    EXPECT_TRUE(text.ends_with("  save 'w7': a tensor of [2] without memory\n  and 2 more"))
        << text;
  }
}

TEST(DefaultSavePlanner, IsAFunctionAsWell) {
  std::array<float, 2> memory{};
  StateDict state{{"w", contiguous_view(memory.data(), {2})}, {"k", 1}};
  const auto items = create_default_local_save_plan(state).items;
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].index.fqn, "w");
  EXPECT_EQ(items[1].bytes_io_data->nbytes, 8U);
}

TEST(SavePlanner, WithoutACoordinatorMustSayWhoWrites) {
  struct Half : GlobalSavePlanner {
    bool needs_all_plans() const override { return false; }
  };
  try {
    Half().plan_writes({"w", {"w"}, {}});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::internal);
    EXPECT_STREQ(error.what(),
                 "save 'w': a planner that does not need all plans must override plan_writes");
  }
}

}  // namespace
}  // namespace h5dcp
