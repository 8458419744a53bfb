#include "plan/merge.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <utility>

#include "h5dcp/error.hpp"
#include "tilings.hpp"

namespace h5dcp {
namespace {

using Holder = Proposals::Holder;

Holder shard(int rank, const Box& box, const Extents& size, DType dtype = DType::float32) {
  return {rank, 0, WriteItemType::shard, {box, {dtype}, size}, {}};
}

Holder value(int rank, std::uint64_t digest) {
  BytesWriteData bytes;
  bytes.kind = EntryKind::json;
  bytes.nbytes = 4;
  bytes.digest = digest;
  return {rank, 0, WriteItemType::byte_io, {}, bytes};
}

Proposals proposals(std::vector<Holder> holders) {
  return {"w", {"w"}, std::move(holders)};
}

std::string refusal(std::vector<Holder> holders) {
  try {
    merge(proposals(std::move(holders)), Replicas::split);
    return "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return error.what();
  }
}

using Writes = std::vector<std::pair<int, Box>>;  // who writes what

Writes merged(const std::vector<Holder>& holders, Replicas replicas = Replicas::lowest_rank) {
  Writes writes;
  for (const auto& write : merge(proposals(holders), replicas)) {
    writes.emplace_back(holders[write.holder].rank, write.box);
  }
  return writes;
}

TEST(Merge, RefusesWhatContradictsItself) {
  struct Case {
    std::vector<Holder> holders;
    const char* expected;
  };
  const Extents four{4, 4};
  Holder number = value(1, 7);
  number.bytes.kind = EntryKind::bytes;
  Holder longer = value(1, 7);
  longer.bytes.nbytes = 5;
  const Case cases[] = {
      {{shard(0, {{0, 0}, {4, 4}}, four), shard(2, {{0, 0}, {4, 5}}, {4, 5})},
       "save 'w': rank 0 has [4, 4] float32, rank 2 has [4, 5] float32"},
      {{shard(0, {{0, 0}, {4, 4}}, four), shard(1, {{0, 0}, {4, 4}}, four, DType::float16),
        shard(2, {{0, 0}, {4, 4}}, four, DType::float16)},
       "save 'w': rank 0 has [4, 4] float32, ranks 1-2 have [4, 4] float16"},
      {{shard(0, {{0, 0}, {4, 4}}, four), value(1, 7)},
       "save 'w': rank 0 has [4, 4] float32, rank 1 has a plain value"},
      {{value(0, 7), value(1, 7), value(2, 8)},
       "save 'w': ranks 0-1 and rank 2 hold different values"},
      {{value(0, 7), number}, "save 'w': rank 0 and rank 1 hold different values"},
      {{value(0, 7), longer}, "save 'w': rank 0 and rank 1 hold different values"},
      {{shard(0, {{0, 0}, {3, 4}}, four), shard(1, {{0, 0}, {3, 4}}, four),
        shard(3, {{2, 0}, {2, 4}}, four)},
       "save 'w': [0:3, 0:4] of ranks 0-1 and [2:4, 0:4] of rank 3 overlap"},
      {{shard(0, {{0, 0}, {4, 4}}, four), shard(1, {{0, 0}, {2, 4}}, four)},
       "save 'w': [0:2, 0:4] of rank 1 and [0:4, 0:4] of rank 0 overlap"},
      {{shard(0, {{0, 0}, {2, 4}}, four), shard(1, {{2, 1}, {2, 3}}, four)},
       "save 'w': no rank has [2:4, 0:1] of [4, 4]"},
      {{shard(0, {{0, 0}, {4, 4}}, four), shard(5, {{4, 0}, {1, 4}}, four)},
       "save 'w': offsets [4, 0], sizes [1, 4] of rank 5 is not inside [4, 4]"},
      {{shard(0, {{0}, {4}}, four)},
       "save 'w': offsets [0], sizes [4] of rank 0 is not inside [4, 4]"},
  };
  for (const auto& c : cases) EXPECT_EQ(refusal(c.holders), c.expected);
}

TEST(Merge, WritesEachPieceOnce) {
  const Extents four{4, 4};
  const Box top{{0, 0}, {2, 4}};
  const Box bottom{{2, 0}, {2, 4}};
  struct Case {
    const char* why;
    std::vector<Holder> holders;
    Writes expected;
  };
  const Case cases[] = {
      {"replicas, out of order",
       {shard(0, bottom, four), shard(1, top, four), shard(2, top, four), shard(3, bottom, four)},
       {{1, top}, {0, bottom}}},
      {"a piece twice on one rank",
       {shard(4, top, four), shard(4, bottom, four), shard(4, top, four)},
       {{4, top}, {4, bottom}}},
      {"an empty piece", {shard(0, {{0}, {4}}, {4}), shard(1, {{4}, {0}}, {4})}, {{0, {{0}, {4}}}}},
      {"a scalar", {shard(3, {}, {}), shard(4, {}, {})}, {{3, {}}}},
      {"a tensor without elements", {shard(0, {{0, 0}, {0, 4}}, {0, 4})}, {}},
      {"a value", {value(2, 7), value(2, 7), value(3, 7)}, {{2, {}}}},
  };
  for (const auto& c : cases) EXPECT_EQ(merged(c.holders), c.expected) << c.why;
}

TEST(Merge, ReplicasWriteLargePiecesTogether) {
  const Extents size{4, 1 << 18};  // a row is 1 MiB
  const Box whole{{0, 0}, size};
  const auto writes = merged({shard(1, whole, size), shard(1, whole, size), shard(6, whole, size)},
                             Replicas::split);
  ASSERT_EQ(writes.size(), 2U);
  EXPECT_EQ(writes[0].second, (Box{{0, 0}, {2, 1 << 18}}));
  EXPECT_EQ(writes[1].second, (Box{{2, 0}, {2, 1 << 18}}));
  EXPECT_EQ(writes[0].first + writes[1].first, 7) << "one each";
}

TEST(Merge, AListIsWrittenWhole) {
  Holder list = value(0, 7);
  list.bytes.kind = EntryKind::list;
  list.bytes.size = {1 << 20};
  Holder other = list;
  other.rank = 1;
  const auto writes = merged({list, other}, Replicas::split);
  ASSERT_EQ(writes.size(), 1U);
  EXPECT_EQ(writes[0].second, (Box{{0}, {1 << 20}}));
}

// Every piece of some tiling, held by one rank or more, some of which hold it twice.
std::vector<Holder> any_holders(const Extents& size, DType dtype, const std::vector<Box>& tiling) {
  std::vector<Holder> holders;
  for (const auto& box : tiling) {
    for (auto copies = any_of(1, 4); copies > 0; --copies) {
      holders.push_back(shard(any_of(0, 7), box, size, dtype));
    }
  }
  std::ranges::stable_sort(holders, {}, &Holder::rank);
  return holders;
}

void check_writes(const std::vector<Holder>& holders, Replicas replicas) {
  const auto writes = merge(proposals(holders), replicas);
  std::int64_t elements = 0;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const Box& held = holders[writes[i].holder].tensor.chunk;
    RC_ASSERT(intersect(writes[i].box, held) == writes[i].box);
    for (std::size_t j = 0; j < i; ++j) RC_ASSERT(!intersect(writes[i].box, writes[j].box));
    elements += numel(writes[i].box.sizes);
  }
  RC_ASSERT(elements == numel(holders.front().tensor.size));  // disjoint, so each exactly once
}

RC_GTEST_PROP(Merge, EveryElementIsWrittenOnceByARankThatHoldsIt, ()) {
  auto size = any_sizes(5);
  const auto dtype = *rc::gen::element(DType::uint8, DType::float32, DType::float64);
  for (auto& extent : size) extent *= *rc::gen::element(1, 1, 64, 1000, 1 << 16);
  const auto holders = any_holders(size, dtype, any_tiling(size));
  check_writes(holders, Replicas::split);
  check_writes(holders, Replicas::lowest_rank);
}

RC_GTEST_PROP(Merge, TheOrderOfARanksHoldersIsOfNoAccount, ()) {
  auto size = any_sizes(5);
  for (auto& extent : size) extent *= 256;
  auto holders = any_holders(size, DType::float32, any_tiling(size));
  const auto before = merged(holders, Replicas::split);
  for (std::size_t i = 1; i < holders.size(); ++i) {
    if (holders[i - 1].rank == holders[i].rank && any_of(0, 1) == 1) {
      std::swap(holders[i - 1], holders[i]);
    }
  }
  RC_ASSERT(merged(holders, Replicas::split) == before);
}

RC_GTEST_PROP(Merge, APieceThatNobodyHoldsIsMissed, ()) {
  const auto size = any_sizes(6);
  auto tiling = any_tiling(size);
  const auto lost = any_of<std::size_t>(0, tiling.size() - 1);
  if (numel(tiling[lost].sizes) == 0 || tiling.size() == 1) return;
  tiling.erase(tiling.begin() + static_cast<std::ptrdiff_t>(lost));
  RC_ASSERT(refusal(any_holders(size, DType::int8, tiling)).starts_with("save 'w': no rank has ["));
}

}  // namespace
}  // namespace h5dcp
