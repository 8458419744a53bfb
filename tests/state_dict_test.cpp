#include "h5dcp/state_dict.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <type_traits>
#include <utility>

#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

std::vector<std::string> keys(const Map& map) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

TEST(Map, KeepsTheOrderInWhichKeysWereFirstSet) {
  Map map;
  map["z"] = 1;
  map["a"] = 2;
  map[""] = 3;
  map["z"] = 4;
  EXPECT_EQ(keys(map), (std::vector<std::string>{"z", "a", ""}));
  EXPECT_EQ(map.size(), 3U);
  EXPECT_EQ(map.at("z"), Value(4));
  EXPECT_EQ(keys({{"b", 1}, {"a", 2}, {"b", 3}}), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ((Map{{"b", 1}, {"b", 3}}).at("b"), Value(3)) << "as in Python, the last one counts";
}

TEST(Map, MakesNullWhereNothingWas) {
  Map map;
  EXPECT_TRUE(map.empty());
  EXPECT_FALSE(map.contains("a"));
  EXPECT_EQ(map["a"], Value());
  EXPECT_TRUE(map.contains("a"));
}

TEST(Map, DoesNotMakeWhatIsAskedFor) {
  const Map map = {{"a", 1}, {"b", 2}};
  try {
    static_cast<void>(map.at("c"));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::not_found);
    EXPECT_STREQ(error.what(), "no key 'c' among the 2 of the map");
  }
}

TEST(Map, CopiesAreApartAndMovesLeaveNothing) {
  Map map = {{"a", Map{{"b", 1}}}};
  Map copy = map;
  std::get<Map>(copy.at("a"))["b"] = 2;
  EXPECT_EQ(std::get<Map>(map.at("a")).at("b"), Value(1));

  const Map moved = std::move(map);
  EXPECT_TRUE(moved.contains("a"));
  EXPECT_TRUE(map.empty());  // NOLINT(bugprone-use-after-move): still a map
  EXPECT_FALSE(map.contains("a"));
  map["new"] = 5;
  EXPECT_EQ(map.at("new"), Value(5));

  copy = moved;
  EXPECT_EQ(copy, moved);
  const Map& same = copy;
  copy = same;
  EXPECT_EQ(copy, moved);
}

TEST(Value, HoldsWhatItWasMadeFrom) {
  EXPECT_TRUE(std::holds_alternative<std::monostate>(Value()));
  EXPECT_EQ(std::get<bool>(Value(true)), true);
  EXPECT_EQ(std::get<std::int64_t>(Value(7)), 7);
  EXPECT_EQ(std::get<std::int64_t>(Value(std::int64_t{1} << 40)), std::int64_t{1} << 40);
  EXPECT_EQ(std::get<double>(Value(0.5)), 0.5);
  EXPECT_EQ(std::get<std::string>(Value("text")), "text");
  EXPECT_EQ(std::get<std::string>(Value(std::string("text"))), "text");
  EXPECT_EQ(std::get<Bytes>(Value(Bytes{1, 2})), (Bytes{1, 2}));
}

TEST(Value, IsEqualIfItsTypeAndContentAre) {
  float memory[6] = {};
  const auto view = contiguous_view(memory, DType::float32, {2, 3});
  const auto other_dtype = contiguous_view(memory, DType::int32, {2, 3});
  const auto other_memory = contiguous_view(memory + 1, DType::float32, {2, 3});
  TensorView other_strides = view;
  other_strides.strides = {1, 2};
  const ShardedTensor sharded{DType::float32, {4, 3}, {{{{0, 0}, {2, 3}}, view}}};
  ShardedTensor other_box = sharded;
  other_box.shards[0].box.offsets = {2, 0};
  ShardedTensor no_shards = sharded;
  no_shards.shards.clear();
  struct Case {
    const char* why;
    Value a, b;
    bool expected;
  };
  const Case cases[] = {
      {"null", {}, {}, true},
      {"integer and float", 1, 1.0, false},
      {"bool and integer", true, 1, false},
      {"nan, as in Python", std::nan(""), std::nan(""), false},
      {"lists", List{1, "a"}, List{1, "a"}, true},
      {"a longer list", List{1, "a"}, List{1, "a", {}}, false},
      {"maps in another order", Map{{"a", 1}, {"b", 2}}, Map{{"b", 2}, {"a", 1}}, true},
      {"another key", Map{{"a", 1}}, Map{{"b", 1}}, false},
      {"another value", Map{{"a", 1}}, Map{{"a", 2}}, false},
      {"one key more", Map{{"a", 1}}, Map{{"a", 1}, {"b", 1}}, false},
      {"the same tensor", view, view, true},
      {"the same memory seen as another type", view, other_dtype, false},
      {"other memory", view, other_memory, false},
      {"other strides", view, other_strides, false},
      {"the same shards", sharded, sharded, true},
      {"a shard elsewhere", sharded, other_box, false},
      {"no shards", sharded, no_shards, false},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(c.a == c.b, c.expected) << c.why;
    EXPECT_EQ(c.b == c.a, c.expected) << c.why << ", swapped";
  }
}

}  // namespace
}  // namespace h5dcp
