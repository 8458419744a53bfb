// Planning in one place, from the plans of all ranks, as DCP does it.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

WriteItem tensor(const std::string& fqn, const Extents& sizes) {
  const Extents origin = [&] {
    Extents zeros = sizes;
    std::ranges::fill(zeros, 0);
    return zeros;
  }();
  return {{fqn, origin, std::nullopt},
          WriteItemType::tensor,
          std::nullopt,
          TensorWriteData{{origin, sizes}, {DType::float32}, sizes},
          {fqn},
          {}};
}

WriteItem shard(const std::string& fqn, const Extents& sizes, const Box& box) {
  return {{fqn, box.offsets, std::nullopt},
          WriteItemType::shard,
          std::nullopt,
          TensorWriteData{box, {DType::float32}, sizes},
          {fqn},
          {}};
}

WriteItem value(const std::string& fqn, std::uint64_t digest = 1) {
  return {{fqn, std::nullopt, std::nullopt},
          WriteItemType::byte_io,
          BytesWriteData{EntryKind::json, DType::uint8, {}, 8, digest},
          std::nullopt,
          {fqn},
          {}};
}

std::vector<std::string> names(const SavePlan& plan) {
  std::vector<std::string> found;
  for (const auto& item : plan.items) found.push_back(item.index.fqn);
  return found;
}

std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << error.what();
    return error.what();
  }
  return "no error";
}

using Names = std::vector<std::string>;

TEST(Dedup, TheRankWithTheLeastBytesWrites) {
  // As DCP: a (4,000 bytes) goes to rank 0, then the rest to rank 1, which never catches up.
  const SavePlan plan{{tensor("a", {1000}), tensor("b", {10}), value("k"), tensor("z", {0})}, {}};
  const auto plans = dedup_save_plans({plan, plan});
  EXPECT_EQ(names(plans.at(0)), Names{"a"});
  EXPECT_EQ(names(plans.at(1)), (Names{"b", "k", "z"}));
}

TEST(Dedup, OrTheLowest) {
  const SavePlan plan{{tensor("a", {1000}), value("k")}, {}};
  const SavePlan more{{tensor("a", {1000}), value("k"), value("own")}, {}};
  const auto plans = dedup_save_plans({plan, more}, true);
  EXPECT_EQ(names(plans.at(0)), (Names{"a", "k"}));
  EXPECT_EQ(names(plans.at(1)), Names{"own"});
}

TEST(Dedup, PiecesAtOtherOffsetsStay) {
  const auto plans = dedup_save_plans(
      {SavePlan{{shard("w", {4}, {{0}, {2}})}, {}}, SavePlan{{shard("w", {4}, {{2}, {2}})}, {}}});
  EXPECT_EQ(plans.at(0).items.size(), 1U);
  EXPECT_EQ(plans.at(1).items.size(), 1U);
}

TEST(Dedup, AnEmptyPieceGivesWayToOneWithElements) {
  // Rows cut twice leave some ranks with nothing, where the next rows begin.
  const auto none = shard("w", {2}, {{1}, {0}});
  const auto row = [](std::int64_t r) { return shard("w", {2}, {{r}, {1}}); };
  for (const bool lowest : {false, true}) {
    const auto plans = dedup_save_plans({SavePlan{{row(0)}, {}}, SavePlan{{none}, {}},
                                         SavePlan{{none, row(1)}, {}}, SavePlan{{row(1)}, {}}},
                                        lowest);
    ASSERT_TRUE(plans.at(1).items.empty());
    ASSERT_EQ(plans.at(2).items.size(), 1U);
    EXPECT_EQ(plans.at(2).items[0].tensor_data->chunk, (Box{{1}, {1}}));
    EXPECT_TRUE(plans.at(3).items.empty());
  }
  const auto alone = dedup_save_plans({SavePlan{{none}, {}}, SavePlan{{none}, {}}});
  EXPECT_EQ(alone.at(0).items.size() + alone.at(1).items.size(), 1U);
}

// The rule in the words of DCP, item by item over all ranks.
std::map<std::string, std::size_t> writers_by_hand(const std::vector<SavePlan>& plans) {
  std::vector<std::uint64_t> loads(plans.size());
  std::map<std::string, std::size_t> writers;
  for (const auto& plan : plans) {
    for (const auto& item : plan.items) {
      if (writers.contains(item.index.fqn)) continue;
      std::size_t best = plans.size();
      for (std::size_t rank = 0; rank < plans.size(); ++rank) {
        const bool has = std::ranges::any_of(plans[rank].items, [&](const auto& other) {
          return other.index.fqn == item.index.fqn;
        });
        if (has && (best == plans.size() || loads[rank] < loads[best])) best = rank;
      }
      writers[item.index.fqn] = best;
      const auto size = item.tensor_storage_size().value_or(0);
      loads[best] += size == 0 ? 1 : size;
    }
  }
  return writers;
}

RC_GTEST_PROP(Dedup, IsTheRuleOfDcp, ()) {
  const auto ranks = *rc::gen::inRange<std::size_t>(1, 6);
  const auto entries = *rc::gen::inRange<int>(0, 12);
  std::vector<SavePlan> plans(ranks);
  for (int i = 0; i < entries; ++i) {
    const auto name = "e" + std::to_string(i);
    const auto rows = *rc::gen::inRange<std::int64_t>(0, 50);
    const bool plain = *rc::gen::arbitrary<bool>();
    for (auto& plan : plans) {
      if (!*rc::gen::arbitrary<bool>()) continue;
      plan.items.push_back(plain ? value(name) : tensor(name, {rows}));
    }
  }
  const auto expected = writers_by_hand(plans);
  const auto deduped = dedup_save_plans(plans);
  RC_ASSERT(deduped.size() == ranks);
  std::map<std::string, std::size_t> writers;
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    for (const auto& item : deduped[rank].items) {
      RC_ASSERT(writers.emplace(item.index.fqn, rank).second);
    }
  }
  RC_ASSERT(writers == expected);
}

TEST(GlobalPlan, MetadataHasTheChunksInTheOrderOfRanks) {
  const auto global =
      create_default_global_save_plan({SavePlan{{shard("w", {4}, {{2}, {2}}), value("k")}, {}},
                                       SavePlan{{shard("w", {4}, {{0}, {2}})}, {}}});
  const auto& w = std::get<TensorStorageMetadata>(global.metadata.state_dict_metadata.at("w"));
  EXPECT_EQ(w.size, (Extents{4}));
  EXPECT_EQ(w.chunks, (std::vector<Box>{{{2}, {2}}, {{0}, {2}}}));
  EXPECT_EQ(global.metadata.planner_data.at("k"), Path{"k"});
  EXPECT_TRUE(
      std::holds_alternative<BytesStorageMetadata>(global.metadata.state_dict_metadata.at("k")));
  EXPECT_EQ(global.plans.at(1).items.at(0).index.index, 1U) << "the hint is the chunk's position";
}

TEST(GlobalPlan, WhatDoesNotFitTogetherIsRefused) {
  struct Case {
    std::vector<SavePlan> plans;
    const char* says;
  };
  const Case cases[] = {
      {{SavePlan{{shard("w", {4}, {{0}, {2}})}, {}}, SavePlan{{shard("w", {4}, {{1}, {3}})}, {}}},
       "save 'w': [0:2] of rank 0 and [1:4] of rank 1 overlap"},
      {{SavePlan{{shard("w", {5}, {{0}, {2}})}, {}}, SavePlan{{shard("w", {5}, {{3}, {2}})}, {}}},
       "save 'w': no rank has [2:3] of [5]"},
      {{SavePlan{{shard("w", {4}, {{3}, {2}})}, {}}}, "is not inside [4]"},
      {{SavePlan{{tensor("w", {4})}, {}}, SavePlan{{value("w")}, {}}},
       "save 'w': rank 0 has [4] float32, rank 1 has a plain value"},
      {{SavePlan{{tensor("w", {4})}, {}}, SavePlan{{tensor("w", {4})}, {}}},
       "several plans have the same piece"},
  };
  for (const auto& c : cases) {
    const auto said = error_of([&] { create_default_global_save_plan(c.plans); });
    EXPECT_NE(said.find(c.says), std::string::npos) << said << "\nnot: " << c.says;
  }
}

TEST(GlobalPlan, ValuesThatDifferAreFoundBeforeOneIsDropped) {
  GlobalSavePlanner planner;
  const auto said = error_of([&] {
    planner.create_global_plan({SavePlan{{value("k", 1)}, {}}, SavePlan{{value("k", 2)}, {}}});
  });
  EXPECT_EQ(said, "save 'k': rank 0 and rank 1 hold different values");
}

TEST(GlobalPlan, OfLoadsIsThePlansThemselves) {
  LoadPlan plan;
  plan.items.push_back({LoadItemType::byte_io, {"k", {}, {}}, {0}, {"k", {}, {}}, {0}, {0}});
  const auto plans = create_default_global_load_plan({plan, {}});
  ASSERT_EQ(plans.size(), 2U);
  EXPECT_EQ(plans[0].items.at(0).dest_index.fqn, "k");
  EXPECT_TRUE(plans[1].items.empty());
}

TEST(WriteItem, StorageSizeIsThatOfTheWholeTensor) {
  EXPECT_EQ(shard("w", {4, 8}, {{0, 0}, {1, 8}}).tensor_storage_size(), 128U);
  EXPECT_EQ(tensor("w", {0, 3}).tensor_storage_size(), 0U);
  EXPECT_EQ(value("k").tensor_storage_size(), std::nullopt);
}

TEST(MetadataIndex, HintsAreOfNoAccount) {
  const MetadataIndex a{"w", Extents{1, 2}, 7};
  const MetadataIndex b{"w", Extents{1, 2}, std::nullopt};
  EXPECT_EQ(a, b);
  EXPECT_TRUE(std::is_eq(a <=> b));
  EXPECT_EQ(std::hash<MetadataIndex>{}(a), std::hash<MetadataIndex>{}(b));
  const MetadataIndex none{"w", std::nullopt, 7};
  const MetadataIndex zeros{"w", Extents{0, 0}, 7};
  EXPECT_NE(none, zeros);
  EXPECT_TRUE(std::is_lt(none <=> zeros));
  EXPECT_TRUE(std::is_lt(a <=> MetadataIndex{"w", Extents{1, 3}, 0}));
  EXPECT_TRUE(std::is_lt(a <=> MetadataIndex{"x", Extents{0, 0}, 0}));
}

}  // namespace
}  // namespace h5dcp
