#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

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

TEST(DefaultLoadPlanner, NamesAllThatDoNotFit) {
  StateDict state;
  Metadata metadata;
  for (int i = 0; i < 10; ++i) {
    const auto name = "w" + std::to_string(i);
    state[name] = allocate(DType::float32, {i % 2 == 0 ? 3 : 4});
    metadata.state_dict_metadata[name] = tensor({3});
  }
  const auto [code, text] = refusal(state, metadata);
  EXPECT_EQ(code, ErrorCode::invalid_argument);
  EXPECT_NE(text.find("5 keys of the state dict do not fit"), std::string::npos) << text;
  for (const auto* name : {"'w1'", "'w3'", "'w5'", "'w7'", "'w9'"}) {
    EXPECT_NE(text.find(name), std::string::npos) << name << " is not in: " << text;
  }
  EXPECT_EQ(text.find("'w0'"), std::string::npos) << text;
}

TEST(DefaultLoadPlanner, NeedsNoCoordinator) {
  EXPECT_FALSE(DefaultLoadPlanner().needs_all_plans());
  EXPECT_FALSE(EmptyStateDictLoadPlanner().needs_all_plans());
  EXPECT_TRUE(GlobalLoadPlanner().needs_all_plans());
}

TEST(DefaultLoadPlanner, RefusesChunksThatDoNotTile) {
  std::array<float, 8> memory{};
  StateDict state{
      {"w", ShardedTensor{DType::float32,
                          {8},
                          {{{{4}, {4}}, contiguous_view(memory.data(), DType::float32, {4})}}}}};
  const std::pair<std::vector<Box>, const char*> cases[] = {
      {{{{0}, {5}}, {{6}, {2}}}, "load 'w': the checkpoint's chunks do not have [5:6]"},
      {{{{0}, {6}}, {{5}, {3}}}, "load 'w': the checkpoint's chunks overlap in [4:8]"},
  };
  for (const auto& [chunks, says] : cases) {
    Metadata metadata;
    metadata.state_dict_metadata["w"] = TensorStorageMetadata{{}, {8}, chunks};
    EXPECT_EQ(refusal(state, metadata), std::pair(ErrorCode::corrupt, std::string(says)));
  }
  // What is wrong elsewhere is of no account.
  Metadata metadata;
  metadata.state_dict_metadata["w"] = TensorStorageMetadata{{}, {8}, {{{1}, {7}}}};
  DefaultLoadPlanner planner;
  EXPECT_EQ(plan_of(planner, state, metadata).items.size(), 1U);
}

// Lets tensors be loaded into memory of its own, upside down.
class Flipping : public DefaultLoadPlanner {
 public:
  TensorView lookup_tensor(const MetadataIndex& index) override {
    looked_up.push_back(index.fqn);
    return index.fqn == "w" ? own : DefaultLoadPlanner::lookup_tensor(index);
  }
  TensorView transform_tensor(const ReadItem& item, const TensorView& tensor) override {
    auto part = DefaultLoadPlanner::transform_tensor(item, tensor);
    part.data = static_cast<float*>(part.data) + (part.sizes[0] - 1) * part.strides[0];
    part.strides[0] = -part.strides[0];
    return part;
  }

  TensorView own = allocate(DType::float32, {4});
  std::vector<std::string> looked_up;
};

TEST(DefaultLoadPlanner, ResolvesToWhatIsLookedUpAndTransformed) {
  std::array<float, 4> memory{};
  StateDict state{{"w", contiguous_view(memory.data(), {4})},
                  {"v", contiguous_view(memory.data(), {4})}};
  Metadata metadata;
  metadata.state_dict_metadata = {{"w", tensor({4})}, {"v", tensor({4})}};
  Flipping planner;
  const auto items = plan_of(planner, state, metadata).items;
  ASSERT_EQ(items.size(), 2U);
  const auto w = planner.resolve_tensor(items[0]);
  EXPECT_EQ(w.data, static_cast<float*>(planner.own.data) + 3);
  EXPECT_EQ(w.strides, Extents{-1});
  EXPECT_EQ(planner.resolve_tensor(items[1]).data, memory.data() + 3);
  EXPECT_EQ(planner.looked_up, (std::vector<std::string>{"w", "v"}));

  ReadItem unknown = items[0];
  unknown.dest_index.fqn = "x";
  EXPECT_THROW(planner.resolve_tensor(unknown), Error);
  unknown = items[1];
  unknown.dest_index.offset = Extents{1};
  EXPECT_THROW(planner.resolve_tensor(unknown), Error);
}

TEST(DefaultLoadPlanner, TakesValuesOneWay) {
  Metadata metadata;
  metadata.state_dict_metadata = {{"k", BytesStorageMetadata{}}};
  StateDict state{{"k", 1}};
  DefaultLoadPlanner planner;
  auto item = plan_of(planner, state, metadata).items.at(0);
  try {
    planner.resolve_bytes(item);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    EXPECT_STREQ(error.what(), "load 'k': this planner takes values by load_bytes alone");
  }
  item.dest_index.fqn = "x";
  EXPECT_THROW(planner.load_bytes(item, 2), Error);
  EXPECT_TRUE(state.at("k") == Value(1));
}

TEST(DefaultLoadPlanner, WithoutFlatteningKeysAreWhole) {
  Metadata metadata;
  metadata.state_dict_metadata = {{"config", BytesStorageMetadata{EntryKind::json}},
                                  {"a.b", BytesStorageMetadata{EntryKind::scalar}}};
  StateDict state{{"config", Map{{"old", 1}}}, {"a.b", 0}};
  DefaultLoadPlanner planner({.flatten_state_dict = false});
  const auto items = plan_of(planner, state, metadata).items;
  ASSERT_EQ(items.size(), 2U);
  planner.load_bytes(items[0], Map{{"new", List{1}}});
  EXPECT_TRUE(state.at("config") == Value(Map{{"new", List{1}}}));
  EXPECT_EQ(refusal(state, metadata).first, ErrorCode::not_found) << "flattened, it is config.new";
}

TEST(DefaultLoadPlanner, IsAFunctionAsWell) {
  Metadata metadata;
  metadata.state_dict_metadata = {{"k", BytesStorageMetadata{}}};
  StateDict state{{"k", 1}, {"x", 2}};
  EXPECT_EQ(create_default_local_load_plan(state, metadata, false).items.size(), 1U);
  EXPECT_THROW(create_default_local_load_plan(state, metadata), Error);
}

TEST(EmptyStateDictLoadPlanner, RefusesPathsThatContradictEachOther) {
  using P = std::int64_t;
  struct Case {
    const char* why;
    std::map<std::string, Path> paths;
  };
  const Case cases[] = {{"a value below a value", {{"a", {"a"}}, {"a.b", {"a", "b"}}}},
                        {"a value below a tensor", {{"t", {"t"}}, {"t.b", {"t", "b"}}}},
                        {"a key of a list", {{"a.0", {"a", P{0}}}, {"a.b", {"a", "b"}}}}};
  for (const auto& c : cases) {
    Metadata metadata;
    metadata.planner_data = {c.paths.begin(), c.paths.end()};
    for (const auto& [fqn, path] : c.paths) {
      if (fqn == "t") {
        metadata.state_dict_metadata[fqn] = tensor({1});
      } else {
        metadata.state_dict_metadata[fqn] = BytesStorageMetadata{EntryKind::scalar};
      }
    }
    StateDict state;
    EmptyStateDictLoadPlanner planner;
    try {
      planner.set_up_planner(state, metadata, true);
      ADD_FAILURE() << c.why;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt) << c.why << ": " << error.what();
    }
  }
}

TEST(EmptyStateDictLoadPlanner, NestsWhatTheCheckpointHas) {
  Metadata metadata;
  metadata.state_dict_metadata = {{"model.w", tensor({2, 3}, DType::int16)},
                                  {"optim.0.lr", BytesStorageMetadata{EntryKind::scalar}},
                                  {"optim.1.lr", BytesStorageMetadata{EntryKind::scalar}},
                                  {"optimum", tensor({1})},
                                  {"a.b", BytesStorageMetadata{}}};
  metadata.planner_data = {{"model.w", {"model", "w"}},
                           {"optim.0.lr", {"optim", std::int64_t{0}, "lr"}},
                           {"optim.1.lr", {"optim", std::int64_t{1}, "lr"}},
                           {"optimum", {"optimum"}}};  // none of a.b: the name is the key
  StateDict state;
  EmptyStateDictLoadPlanner planner;
  planner.set_up_planner(state, metadata, false);
  const auto items = planner.create_local_plan().items;
  EXPECT_EQ(items.size(), 5U);
  const auto& w = std::get<TensorView>(std::get<Map>(state.at("model")).at("w"));
  EXPECT_EQ(w.sizes, (Extents{2, 3}));
  EXPECT_EQ(w.dtype, DType::int16);
  EXPECT_EQ(planner.resolve_tensor(items.at(1)).data, w.data);
  for (const auto& item : items) {
    if (item.type == LoadItemType::byte_io) planner.load_bytes(item, item.dest_index.fqn.c_str());
  }
  EXPECT_TRUE(state.at("optim") ==
              Value(List{Map{{"lr", "optim.0.lr"}}, Map{{"lr", "optim.1.lr"}}}));
  EXPECT_TRUE(state.at("a.b") == Value("a.b"));

  StateDict some;
  EmptyStateDictLoadPlanner of_optim(std::vector<std::string>{"optim"});
  of_optim.set_up_planner(some, metadata, false);
  EXPECT_EQ(of_optim.create_local_plan().items.size(), 2U) << "not optimum";
  EXPECT_EQ(some.size(), 1U);
}

}  // namespace
}  // namespace h5dcp
