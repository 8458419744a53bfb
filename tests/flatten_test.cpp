#include "h5dcp/flatten.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "any_value.hpp"
#include "h5dcp/error.hpp"
#include "state/depth.hpp"
#include "state/expanded_state.hpp"
#include "state/leaves_by_name.hpp"
#include "state/list_elements.hpp"

namespace h5dcp {
namespace {

using std::string_literals::operator""s;

std::vector<std::string> fqns(StateDict& state_dict) {
  std::vector<std::string> fqns;
  for (const auto& leaf : flatten_state_dict(state_dict)) fqns.push_back(leaf.fqn);
  return fqns;
}

TEST(Flatten, FindsTheLeaves) {
  float memory = 0;
  const Value tensor = contiguous_view(&memory, DType::float32, {});
  const Value sharded = ShardedTensor{DType::float32, {4}, {}};
  struct Case {
    const char* why;
    StateDict state_dict;
    std::vector<std::string> expected;
  };
  const Case cases[] = {
      {"nothing", {}, {}},
      {"in the order of the keys", {{"b", 1}, {"a", {}}}, {"b", "a"}},
      {"maps are descended", {{"a", Map{{"b", Map{{"c", 1}}}, {"d", tensor}}}}, {"a.b.c", "a.d"}},
      {"a list of plain values is a leaf", {{"l", List{1, "x", {}}}}, {"l"}},
      {"so is a list of such lists", {{"l", List{List{1}, List{List{}}}}}, {"l"}},
      {"a tensor opens a list", {{"l", List{1, tensor}}}, {"l.0", "l.1"}},
      {"a sharded tensor, too", {{"l", List{sharded}}}, {"l.0"}},
      {"a map opens a list", {{"l", List{1, Map{{"k", 2}}}}}, {"l.0", "l.1.k"}},
      {"even from within a list in it",
       {{"l", List{List{1, 2}, List{3, List{tensor}}}}},
       {"l.0", "l.1.0", "l.1.1.0"}},
      {"empty containers are leaves", {{"m", Map()}, {"l", List()}}, {"m", "l"}},
      {"in a list, too", {{"l", List{Map(), List()}}}, {"l.0", "l.1"}},
      {"keys may be empty or have dots", {{"", Map{{"", 1}}}, {"a.b", 2}}, {".", "a.b"}},
  };
  for (const auto& c : cases) {
    StateDict state_dict = c.state_dict;
    EXPECT_EQ(fqns(state_dict), c.expected) << c.why;
  }
}

TEST(Flatten, PointsIntoTheStateDict) {
  StateDict state_dict = {{"a", Map{{"b", List{Map{{"c", 1}}, 2}}}}};
  const auto leaves = flatten_state_dict(state_dict);
  ASSERT_EQ(leaves.size(), 2U);
  EXPECT_EQ(leaves[0].path, (Path{"a", "b", std::int64_t{0}, "c"}));
  EXPECT_EQ(leaves[1].path, (Path{"a", "b", std::int64_t{1}}));
  *leaves[0].value = 10;
  *leaves[1].value = 20;
  EXPECT_EQ(state_dict, (StateDict{{"a", Map{{"b", List{Map{{"c", 10}}, 20}}}}}));
}

TEST(Flatten, RefusesNamesThatCannotBe) {
  struct Case {
    const char* why;
    StateDict state_dict;
    std::string expected;
  };
  const std::string long_key(4097, 'k');
  const Case cases[] = {
      {"two keys in one",
       {{"a.b", 1}, {"a", Map{{"b", 2}}}},
       "['a.b'] and ['a']['b'] have the same name 'a.b'"},
      {"a position like a key",
       {{"a.0", 1}, {"a", List{Map()}}},
       "['a.0'] and ['a'][0] have the same name 'a.0'"},
      {"no UTF-8", {{"a", Map{{"\xff", 1}}}}, "the name of ['a']['\xff'] is not UTF-8"},
      {"too long",
       {{long_key, 1}},
       "the name '" + std::string(64, 'k') + "...' has 4097 bytes, more than 4096"},
  };
  for (const auto& c : cases) {
    StateDict state_dict = c.state_dict;
    for (const auto& flatten : {flatten_state_dict, leaves_by_name}) {
      try {
        flatten(state_dict);
        ADD_FAILURE() << "no error: " << c.why;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << c.why;
        EXPECT_EQ(error.what(), "flatten the state dict: " + c.expected) << c.why;
      }
    }
  }
  StateDict longest = {{std::string(4096, 'k'), 1}};
  EXPECT_EQ(flatten_state_dict(longest).size(), 1U);
}

// So many maps, or lists, in each other. Taken apart again without recursion.
class Deep {
 public:
  Deep(std::size_t depth, bool lists) {
    Value value = Map{{"leaf", 1}};
    for (std::size_t i = 1; i < depth; ++i) {
      Value outer = lists ? Value(List(1)) : Value(Map{{"k", {}}});
      inside(outer) = std::move(value);
      value = std::move(outer);
    }
    state_dict["deep"] = std::move(value);
  }
  Deep(const Deep&) = delete;
  Deep& operator=(const Deep&) = delete;
  ~Deep() {
    Value value = std::move(state_dict["deep"]);
    while (is_container(value)) {
      Value inner = std::move(inside(value));
      value = std::move(inner);
    }
  }

  StateDict state_dict;

 private:
  static bool is_container(const Value& value) {
    return std::holds_alternative<Map>(value) || std::holds_alternative<List>(value);
  }
  static Value& inside(Value& value) {
    if (auto* const list = std::get_if<List>(&value)) return list->front();
    return std::get<Map>(value).begin()->second;
  }
};

TEST(Flatten, RefusesWhatIsNestedTooDeep) {
  const std::string expected =
      "flatten the state dict: lists and maps below 'deep' are nested more than 1000 deep";
  const auto expect_refused = [&](const auto& work, const char* why) {
    try {
      work();
      ADD_FAILURE() << "no error: " << why;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported) << why;
      EXPECT_EQ(error.what(), expected) << why;
    }
  };
  for (const bool lists : {false, true}) {
    Deep deep(100'000, lists);
    auto& state = deep.state_dict;
    expect_refused([&] { flatten_state_dict(state); }, "flatten");
    expect_refused([&] { leaves_by_name(state); }, "by name");
    expect_refused([&] { traverse_state_dict(state, [](const Path&, Value&) {}); }, "traverse");
    expect_refused([&] { ExpandedState(state, ExpandedState::Order::as_set).check(); }, "expand");
    Deep just(kMostDepth, lists);
    Deep more(kMostDepth + 1, lists);
    EXPECT_EQ(flatten_state_dict(just.state_dict).size(), 1U);
    expect_refused([&] { flatten_state_dict(more.state_dict); }, "one more");
  }
}

// A Stateful whose state is itself, again and again.
TEST(Flatten, RefusesAStatefulThatNeverEnds) {
  struct Endless : Stateful {
    StateDict state_dict() override { return {{"self", this}}; }
    void load_state_dict(const StateDict& /*state_dict*/) override {}
  };
  Endless endless;
  StateDict state = {{"endless", &endless}};
  ExpandedState expanded(state, ExpandedState::Order::as_set);
  EXPECT_THROW(expanded.check(), Error);
}

TEST(Path, HasAtMostAThousandComponents) {
  const std::string dots(kMostDepth - 1, '.');
  EXPECT_EQ(decode_path(dots, "").size(), kMostDepth);
  EXPECT_THROW(decode_path(dots + ".", ""), Error);
  const std::string keys(kMostDepth, '\0');  // empty ones
  EXPECT_EQ(decode_path(dots, keys).size(), kMostDepth);
  EXPECT_THROW(decode_path(dots + ".", keys + '\0'), Error);
}

TEST(ListElements, AreUpToTheLargestPosition) {
  using P = std::int64_t;
  ListElements lists;
  EXPECT_EQ(lists.count(), 0U);
  lists.add({"a", P{3}, "x", P{1}});
  lists.add({"a", P{2}, "x", P{7}});
  lists.add({"b", "c"});
  EXPECT_EQ(lists.count(), 4U + 2U + 8U);
  lists.add({"a", P{1}, P{9}});
  EXPECT_EQ(lists.count(), 14U + 10U);
  constexpr auto kMost = std::numeric_limits<P>::max();
  for (const char* key : {"c", "d", "e"}) lists.add({key, kMost});
  EXPECT_EQ(lists.count(), std::numeric_limits<std::uint64_t>::max());
}

TEST(TopLeaves, AreTheKeysWhateverTheyHold) {
  float memory = 0;
  const Value tensor = contiguous_view(&memory, DType::float32, {});
  StateDict state_dict = {
      {"m", Map{{"k", tensor}}}, {"a.b", 1}, {"a", Map{{"b", 2}}}, {"w", tensor}, {"none", {}}};
  const auto leaves = top_leaves(state_dict);
  ASSERT_EQ(leaves.size(), 5U);
  EXPECT_EQ(leaves[0].fqn, "m");
  EXPECT_EQ(leaves[0].path, Path{"m"});
  EXPECT_EQ(leaves[0].value, &state_dict.at("m"));
  EXPECT_EQ(leaves[1].fqn, "a.b") << "which flattening would refuse beside a.b";
  EXPECT_EQ(leaves[1].path, Path{"a.b"});

  StateDict no_text = {{"\xff", 1}};
  EXPECT_THROW(top_leaves(no_text), Error);
}

TEST(Traverse, VisitsTheLeavesInTheirOrder) {
  StateDict state_dict = {{"b", List{1, Map{{"k", 2}}}}, {"a", Map{}}, {"c", List{1, 2}}};
  std::vector<Path> paths;
  traverse_state_dict(state_dict, [&](const Path& path, Value& value) {
    paths.push_back(path);
    value = static_cast<std::int64_t>(paths.size());
  });
  EXPECT_EQ(paths,
            (std::vector<Path>{{"b", std::int64_t{0}}, {"b", std::int64_t{1}, "k"}, {"a"}, {"c"}}));
  EXPECT_EQ(state_dict, (StateDict{{"b", List{1, Map{{"k", 2}}}}, {"a", 3}, {"c", 4}}));
}

TEST(GetElement, FindsWhatIsThere) {
  StateDict state_dict = {{"a", Map{{"b", List{1, Map{{"c", 2}}}}}}, {"n", 3}};
  const auto zero = std::int64_t{0};
  const auto one = std::int64_t{1};
  struct Case {
    const char* why;
    Path path;
    const Value* expected;
  };
  auto& list = std::get<List>(std::get<Map>(state_dict.at("a")).at("b"));
  const Case cases[] = {
      {"at the top", {"n"}, &state_dict.at("n")},
      {"a container", {"a", "b"}, &std::get<Map>(state_dict.at("a")).at("b")},
      {"in a list", {"a", "b", zero}, list.data()},
      {"below a list", {"a", "b", one, "c"}, &std::get<Map>(list[1]).at("c")},
      {"nowhere", {}, nullptr},
      {"no such key", {"x"}, nullptr},
      {"no such key below", {"a", "x"}, nullptr},
      {"behind the end", {"a", "b", std::int64_t{2}}, nullptr},
      {"before the beginning", {"a", "b", std::int64_t{-1}}, nullptr},
      {"a key of a list", {"a", "b", "0"}, nullptr},
      {"a position in a map", {"a", zero}, nullptr},
      {"a position at the top", {zero}, nullptr},
      {"below a leaf", {"n", "x"}, nullptr},
  };
  for (const auto& c : cases) EXPECT_EQ(get_element(state_dict, c.path), c.expected) << c.why;
}

TEST(SetElement, MakesTheContainersOnTheWay) {
  StateDict state_dict;
  set_element(state_dict, {"a", "b"}, 1);
  set_element(state_dict, {"l", std::int64_t{2}}, 2);
  set_element(state_dict, {"l", std::int64_t{1}, "k"}, 3);
  set_element(state_dict, {"a", "b"}, 4);
  EXPECT_EQ(state_dict, (StateDict{{"a", Map{{"b", 4}}}, {"l", List{{}, Map{{"k", 3}}, 2}}}));
}

TEST(SetElement, RefusesOtherContainersOnTheWay) {
  struct Case {
    Path path;
    const char* expected;
  };
  const Case cases[] = {
      {{"map", std::int64_t{0}}, "set ['map'][0]: a position leads into something that is no list"},
      {{"list", "k"}, "set ['list']['k']: a key leads into something that is no map"},
      {{"number", "k"}, "set ['number']['k']: a key leads into something that is no map"},
      {{"list", std::int64_t{-1}}, "set ['list'][-1]: a position is negative"},
      {{std::int64_t{0}}, "set [0]: the path does not begin with a key"},
      {{}, "set : the path does not begin with a key"},
  };
  for (const auto& c : cases) {
    StateDict state_dict = {{"map", Map()}, {"list", List()}, {"number", 1}};
    try {
      set_element(state_dict, c.path, 1);
      ADD_FAILURE() << "no error: " << c.expected;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      EXPECT_STREQ(error.what(), c.expected);
    }
  }
}

TEST(EncodedPath, RepeatsNothingOfTheName) {
  struct Case {
    const char* why;
    Path path;
    const char* fqn;
    std::string encoded;
  };
  const std::string long_key(64, 'k');
  const std::string long_fqn = long_key + ".0";
  const Case cases[] = {
      {"keys without dots", {"model", "wq"}, "model.wq", ""},
      {"digits in a key are no position", {"a", "0"}, "a.0", ""},
      {"an empty key", {""}, "", ""},
      {"empty keys", {"", "", "b"}, "..b", ""},
      {"a position", {"a", std::int64_t{10}}, "a.10", "\x02\x05"s},
      {"a dot in a key", {"a.b", "c"}, "a.b.c", "\x06\x02"s},
      {"a key that is a dot", {"."}, ".", "\x02"s},
      {"a length of two bytes", {long_key, std::int64_t{0}}, long_fqn.c_str(), "\x80\x01\x03"s},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(to_fqn(c.path), c.fqn) << c.why;
    EXPECT_EQ(encode_path(c.path), c.encoded) << c.why;
    EXPECT_EQ(decode_path(c.fqn, c.encoded), c.path) << c.why;
  }
}

TEST(EncodedPath, RefusesBytesThatDoNotFit) {
  struct Case {
    const char* why;
    std::string fqn, encoded;
  };
  const Case cases[] = {
      {"longer than the name", "a.b", "\x02\x04"s},
      {"shorter than the name", "a.b", "\x02"s},
      {"one component too many", "a.b", "\x02\x02\x02"s},
      {"no dot between", "abc", "\x02\x02"s},
      {"a position that is no number", "a.b", "\x02\x03"s},
      {"a position with a sign", "a.-1", "\x02\x05"s},
      {"a position with a plus", "a.+1", "\x02\x05"s},
      {"a position with a leading zero", "a.01", "\x02\x05"s},
      {"a position of nothing", "a.", "\x02\x01"s},
      {"a position of more than 63 bits", "9223372036854775808", "\x27"s},
      {"a varint cut short", "a.b", "\x02\x82"s},
      {"a varint without end", "a", "\x82\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"s},
  };
  for (const auto& c : cases) {
    try {
      decode_path(c.fqn, c.encoded);
      ADD_FAILURE() << "no error: " << c.why;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt) << c.why;
      EXPECT_EQ(error.what(), "the stored path of '" + c.fqn + "' does not fit this name") << c.why;
    }
  }
}

RC_GTEST_PROP(EncodedPath, ComesBack, ()) {
  const auto length = *rc::gen::inRange(1, 6);
  Path path;
  for (int i = 0; i < length; ++i) {
    if (*rc::gen::arbitrary<bool>()) {
      path.emplace_back(any_text());
    } else {
      path.emplace_back(*rc::gen::nonNegative<std::int64_t>());
    }
  }
  RC_ASSERT(decode_path(to_fqn(path), encode_path(path)) == path);
}

// What decode_path makes of any bytes is an error or a path with this name.
RC_GTEST_PROP(EncodedPath, IsNeverAPathOfAnotherName, ()) {
  const std::string fqn = any_text() + "." + any_text();
  const auto length =
      rc::gen::map(rc::gen::inRange(0, 40), [](int n) { return static_cast<char>(n); });
  const auto encoded = *rc::gen::container<std::string>(length);
  try {
    RC_ASSERT(to_fqn(decode_path(fqn, encoded)) == fqn);
    RC_TAG("a path");
  } catch (const Error& error) {
    RC_ASSERT(error.code() == ErrorCode::corrupt);
  }
}

RC_GTEST_PROP(Leaves, AreFoundInWhateverOrderTheyAreAskedFor, ()) {
  StateDict state_dict;
  const auto count = *rc::gen::inRange(0, 30);
  for (int i = 0; i < count; ++i) state_dict[std::to_string(*rc::gen::inRange(0, 60))] = i;
  const Leaves leaves(flatten_state_dict(state_dict));
  int name = 0;
  for (int i = 0; i < 100; ++i) {
    name = *rc::gen::inRange(0, 3) == 0 ? *rc::gen::inRange(0, 60) : name + 1;
    const auto fqn = std::to_string(name);
    const auto* leaf = leaves.find(fqn);
    RC_ASSERT((leaf != nullptr) == state_dict.contains(fqn));
    if (leaf != nullptr) RC_ASSERT(leaf->fqn == fqn);
    if (leaf != nullptr) RC_ASSERT(leaf->value == &state_dict.at(fqn));
  }
}

RC_GTEST_PROP(Flatten, ComesBack, ()) {
  StateDict original;
  const auto keys = *rc::gen::inRange(0, 5);
  for (int i = 0; i < keys; ++i) original[any_text()] = any_value(4, false, true);

  std::vector<Leaf> leaves;
  try {
    leaves = flatten_state_dict(original);
  } catch (const Error& error) {
    RC_ASSERT(std::string(error.what()).find("have the same name") != std::string::npos);
    RC_DISCARD("two names alike");
  }
  StateDict rebuilt;
  std::set<std::string> names;
  for (const auto& leaf : leaves) {
    RC_ASSERT(names.insert(leaf.fqn).second);
    RC_ASSERT(get_element(original, leaf.path) == leaf.value);
    set_element(rebuilt, decode_path(leaf.fqn, encode_path(leaf.path)), *leaf.value);
  }
  RC_ASSERT(unflatten_state_dict(leaves) == original);
  RC_ASSERT(unflatten_state_dict(top_leaves(original)) == original);
  RC_ASSERT(rebuilt == original);
  RC_ASSERT(fqns(rebuilt) == fqns(original));  // in the same order

  std::ranges::sort(leaves, {}, &Leaf::fqn);
  const auto by_name = leaves_by_name(original);
  RC_ASSERT(std::ranges::equal(by_name, leaves, {}, &Leaf::value, &Leaf::value));
  RC_ASSERT(std::ranges::equal(by_name, leaves, {}, &Leaf::path, &Leaf::path));
}

}  // namespace
}  // namespace h5dcp
