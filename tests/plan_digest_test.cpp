#include "negotiate/plan_digest.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "any_box.hpp"
#include "base/whole_box.hpp"

namespace h5dcp {
namespace {

struct Planned {
  SavePlan plan;
  std::vector<std::uint64_t> rooms;
  PlanContext context;
};

template <class T>
T one_of(const std::vector<T>& choices) {
  return *rc::gen::elementOf(choices);
}

// Of few choices, so that two of them are often equal, and names run into each other.
WriteItem any_item() {
  WriteItem item;
  item.index.fqn = one_of<std::string>({"a", "b", "a.b", "ab", ""});
  item.path = one_of<Path>({{"a"}, {"a", "b"}, {"a.b"}});
  item.type =
      one_of<WriteItemType>({WriteItemType::tensor, WriteItemType::shard, WriteItemType::byte_io});
  const auto dtype = one_of<DType>({DType::float32, DType::int32});
  const auto sizes = *test::any_sizes(2, 2);
  if (item.type == WriteItemType::byte_io) {
    const auto kind = one_of<EntryKind>({EntryKind::json, EntryKind::bytes, EntryKind::list});
    const auto length = one_of<std::uint64_t>({0, 1, 64, 200});
    item.bytes_io_data = BytesWriteData{kind, dtype, sizes, length, *rc::gen::inRange(0U, 9U)};
  } else {
    const bool whole = item.type == WriteItemType::tensor;
    const auto box = whole ? whole_box(sizes) : test::draw_box_in(whole_box(sizes));
    item.tensor_data = TensorWriteData{box, {dtype}, sizes};
    item.index.offset = box.offsets;
    if (!whole) item.index.index = one_of<std::size_t>({0, 1});
  }
  return item;
}

Planned any_plan() {
  Planned made;
  const auto count = *rc::gen::inRange(0, 3);
  for (int i = 0; i < count; ++i) {
    made.plan.items.push_back(any_item());
    made.rooms.push_back(one_of<std::uint64_t>({0, 64}));
  }
  made.plan.storage_data = one_of<StorageData>({{}, {1}});
  made.context.rank = one_of<int>({0, 1});
  made.context.size = one_of<int>({2, 3});
  made.context.coordinator = one_of<int>({0, 1});
  made.context.planner = one_of<std::string>({"", "p", "pp"});
  made.context.plans_by = one_of<std::string>({"", "p"});
  made.context.writer = one_of<std::string>({"", "p"});
  return made;
}

// One thing of it is another, perhaps.
Planned changed(Planned made) {
  auto& items = made.plan.items;
  const auto which = items.empty() ? 0 : *rc::gen::inRange<std::size_t>(0, items.size());
  switch (*rc::gen::inRange(0, 9)) {
    case 0:
      made.context = any_plan().context;
      break;
    case 1:
      std::ranges::reverse(items);
      break;
    case 2:
      items.push_back(any_item());
      break;
    case 3:
      made.rooms.clear();
      break;
    default:
      if (items.empty()) break;
      const auto other = any_item();
      auto& item = items[which];
      switch (*rc::gen::inRange(0, 6)) {
        case 0:
          item.index.fqn = other.index.fqn;
          break;
        case 1:
          item.path = other.path;
          break;
        case 2:
          item.index.index = other.index.index;
          break;
        case 3:
          if (!item.bytes_io_data) break;
          item.bytes_io_data->digest += 1;  // the content alone
          item.bytes_io_data->nbytes = one_of<std::uint64_t>({0, 1, 64, 200});
          break;
        case 4:
          if (item.tensor_data) item.tensor_data->properties = {DType::int32};
          break;
        default:
          item = other;
      }
  }
  return made;
}

// All that matters, in words.
std::string words_of(const Planned& made) {
  std::ostringstream words;
  const auto& context = made.context;
  words << context.rank << ' ' << context.size << ' ' << context.coordinator << " '"
        << context.planner << "' '" << context.plans_by << "' '" << context.writer << "' "
        << made.plan.storage_data.size();
  for (std::size_t i = 0; i < made.plan.items.size(); ++i) {
    const auto& item = made.plan.items[i];
    words << "\n'" << item.index.fqn << "' '" << encode_path(item.path) << "' "
          << static_cast<int>(item.type);
    if (item.index.offset) words << " at " << to_string(*item.index.offset);
    if (item.index.index) words << " #" << *item.index.index;
    if (item.bytes_io_data) {
      const auto& data = *item.bytes_io_data;
      const auto room = i < made.rooms.size() ? made.rooms[i] : 0;
      words << " kind " << static_cast<int>(data.kind) << ' ' << to_string(data.dtype) << ' '
            << to_string(data.size) << " room " << (data.nbytes < room ? room : data.nbytes);
    } else {
      const auto& data = *item.tensor_data;
      words << ' ' << to_string(data.properties.dtype) << ' ' << to_string(data.size) << " box "
            << to_string(data.chunk.offsets) << ' ' << to_string(data.chunk.sizes);
    }
  }
  return words.str();
}

RC_GTEST_PROP(PlanDigest, IsEqualExactlyIfAllThatMattersIs, ()) {
  const auto a = any_plan();
  const auto b = changed(a);
  const bool same = words_of(a) == words_of(b);
  RC_CLASSIFY(same, "same");
  RC_LOG() << words_of(a) << "\n--\n" << words_of(b);
  RC_ASSERT((layout_fields(a.plan, a.rooms, a.context) ==
             layout_fields(b.plan, b.rooms, b.context)) == same);
  RC_ASSERT((plan_digest(a.plan, a.rooms, a.context) == plan_digest(b.plan, b.rooms, b.context)) ==
            same);
}

TEST(PlanDigest, DoesNotLookAtTheSlicesThatFollowFromIt) {
  SavePlan plan;
  plan.items.push_back({.index = {"w", Extents{0}, std::nullopt},
                        .type = WriteItemType::tensor,
                        .bytes_io_data = std::nullopt,
                        .tensor_data = TensorWriteData{{{0}, {4}}, {DType::float32}, {4}},
                        .path = {"w"},
                        .slices = {}});
  const auto before = plan_digest(plan, {0}, {});
  plan.items[0].slices.push_back({{{0}, {2}}, {1, 2, 3}});
  EXPECT_EQ(plan_digest(plan, {0}, {}), before);
}

// A value that `holders` ranks hold, on one of them.
WriteItem value(const std::string& fqn, std::uint64_t digest, std::uint64_t holders, bool writes) {
  WriteItem item;
  item.index.fqn = fqn;
  item.type = WriteItemType::byte_io;
  item.bytes_io_data = BytesWriteData{EntryKind::json, DType::uint8, {}, 5, digest};
  if (writes) item.slices.push_back({.box = {}, .storage_data = {}, .holders = holders});
  return item;
}

TEST(ReplicaBalance, IsZeroOverAllRanksExactlyIfTheyHoldTheSame) {
  for (const std::uint64_t holders : {1U, 2U, 3U, 64U}) {
    for (std::uint64_t writer = 0; writer < holders; writer += 1 + holders / 3) {
      // `odd` is the rank that has another value; `holders` says that none has.
      for (std::uint64_t odd = 0; odd <= holders; ++odd) {
        std::uint64_t balance = 0;
        for (std::uint64_t rank = 0; rank < holders; ++rank) {
          SavePlan plan;
          plan.items.push_back(value("shared", rank == odd ? 8 : 7, holders, rank == writer));
          plan.items.push_back(value("own" + std::to_string(rank), rank, 1, true));
          balance += replica_balance(plan);
        }
        EXPECT_EQ(balance == 0, odd == holders || holders == 1)
            << holders << " holders, " << writer << " writes, " << odd << " differs";
      }
    }
  }
}

TEST(ReplicaBalance, SeesThatTwoValuesWereExchanged) {
  std::uint64_t balance = 0;
  for (const bool writes : {true, false}) {
    SavePlan plan;
    plan.items.push_back(value("a", writes ? 1 : 2, 2, writes));
    plan.items.push_back(value("b", writes ? 2 : 1, 2, writes));
    balance += replica_balance(plan);
  }
  EXPECT_NE(balance, 0U);
}

}  // namespace
}  // namespace h5dcp
