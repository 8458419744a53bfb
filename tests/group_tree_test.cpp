#include "layout/group_tree.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "layout/dataset_name.hpp"

namespace h5dcp {
namespace {

// The path of each dataset, by its number. Every group is visited, and is in one other.
std::map<std::size_t, std::string> paths_in(const GroupTree& tree) {
  std::map<std::size_t, std::string> paths;
  std::vector<std::string> group_paths(tree.size());
  group_paths[0] = "/state";
  for (std::size_t g = 0; g < tree.size(); ++g) {
    EXPECT_NE(group_paths[g], "") << "in no group before it";
    std::string before;
    for (const auto& member : tree.members(g)) {
      const std::string name(tree.name_of(member));
      EXPECT_LT(before, name) << "in " << group_paths[g];  // as unsigned bytes
      before = name;
      auto& path = member.is_group ? group_paths.at(member.child) : paths[member.child];
      EXPECT_EQ(path, "") << "there twice";
      path = group_paths[g] + "/" + name;
    }
    EXPECT_TRUE(g == 0 || !tree.members(g).empty()) << "an empty group";
  }
  return paths;
}

bool is_continued(const std::vector<StoredName>& names, const StoredName& name) {
  const auto prefix = std::string(name.fqn) + ".";
  return std::ranges::any_of(names, [&](const auto& n) { return n.fqn.starts_with(prefix); });
}

std::map<std::size_t, std::string> expected(const std::vector<StoredName>& names) {
  std::map<std::size_t, std::string> paths;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!names[i].is_dataset) continue;
    paths[i] = dataset_path(names[i].fqn, is_continued(names, names[i]));
  }
  return paths;
}

TEST(GroupTree, HasEachDatasetUnderItsPath) {
  struct Case {
    const char* why;
    std::vector<StoredName> names;
    std::map<std::size_t, std::string> paths;
  };
  const Case cases[] = {
      {"nothing", {}, {}},
      {"one", {{"w"}}, {{0, "/state/w"}}},
      {"two in one group", {{"m.a"}, {"m.b"}}, {{0, "/state/m/a"}, {1, "/state/m/b"}}},
      {"a group that is a dataset as well, with another between",
       {{"a"}, {"a-b"}, {"a.x"}},
       {{0, "/state/a/%self"}, {1, "/state/a-b"}, {2, "/state/a/x"}}},
      {"continued by a value alone, which is in no group",
       {{"a"}, {"a.b.c", false}},
       {{0, "/state/a/%self"}}},
      {"a value that is continued", {{"a", false}, {"a.b"}}, {{1, "/state/a/b"}}},
      {"values alone", {{"a", false}, {"b.c", false}}, {}},
      {"groups in groups that are datasets",
       {{"a"}, {"a.b"}, {"a.b.c"}},
       {{0, "/state/a/%self"}, {1, "/state/a/b/%self"}, {2, "/state/a/b/c"}}},
      {"no name at all", {{""}, {"."}}, {{0, "/state/%/%self"}, {1, "/state/%/%"}}},
      {"another order once escaped", {{"a/b"}, {"a0"}}, {{0, "/state/a%2Fb"}, {1, "/state/a0"}}},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(paths_in(GroupTree(c.names)), c.paths) << c.why;
    EXPECT_EQ(expected(c.names), c.paths) << c.why;
  }
}

TEST(GroupTree, HasAnyNamesUnderTheirPaths) {
  EXPECT_TRUE(rc::check("paths", [] {
    const auto letters = rc::gen::element('.', '.', 'a', 'b', '-', '/', '%', '\xC3', '\n');
    const auto fqns = *rc::gen::container<std::set<std::string>>(
        rc::gen::scale(0.1, rc::gen::container<std::string>(letters)));
    std::vector<StoredName> names;
    for (const auto& fqn : fqns)
      names.push_back({fqn, *rc::gen::weightedElement<bool>({{4, true}, {1, false}})});
    RC_ASSERT(paths_in(GroupTree(names)) == expected(names));
  }));
}

}  // namespace
}  // namespace h5dcp
