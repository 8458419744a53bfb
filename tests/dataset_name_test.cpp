#include "layout/dataset_name.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

namespace h5dcp {
namespace {

TEST(DatasetName, EscapesWhatHdf5WouldMisread) {
  struct Case {
    const char* why;
    std::string fqn;
    bool is_prefix;
    const char* expected;
  };
  const Case cases[] = {
      {"dots are groups", "model.layers.0.wq", false, "/state/model/layers/0/wq"},
      {"a slash is no group", "a/b", false, "/state/a%2Fb"},
      {"the escape itself", "100%", false, "/state/100%25"},
      {"an empty component", "a..b", false, "/state/a/%/b"},
      {"nothing at all", "", false, "/state/%"},
      {"a dot at the end", "a.", false, "/state/a/%"},
      {"NUL and control characters", std::string("a\0b\n\x7F", 5), false, "/state/a%00b%0A%7F"},
      {"other bytes as they are", "caf\xC3\xA9", false, "/state/caf\xC3\xA9"},
      {"a tensor that is a group as well", "a.b", true, "/state/a/b/%self"},
      {"a name that looks like that", "a.%self", false, "/state/a/%25self"},
  };
  for (const auto& c : cases) EXPECT_EQ(dataset_path(c.fqn, c.is_prefix), c.expected) << c.why;
}

TEST(DatasetName, OneThatOthersContinueIsInTheirGroup) {
  struct Named {
    std::string fqn;
  };
  // A dot comes behind '-' and before '/', so what continues a name may not be the next one.
  const std::vector<Named> all{{"a"}, {"a-b"}, {"a.b"}, {"a.b.c"}, {"a.bc"}, {"ab"}, {"z"}};
  const std::vector<std::string> expected{"/state/a/%self", "/state/a-b",  "/state/a/b/%self",
                                          "/state/a/b/c",   "/state/a/bc", "/state/ab",
                                          "/state/z"};
  std::vector<std::string> paths;
  for (const auto& one : all) paths.push_back(dataset_path(one, all));
  EXPECT_EQ(paths, expected);
}

// What the escaping must allow: the name back from the path. Nothing in the library needs it.
std::string fqn_of(const std::string& path) {
  std::string fqn;
  std::string rest = path.substr(std::string("/state/").size());
  if (rest.ends_with("/%self")) rest.resize(rest.size() - std::string("/%self").size());
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const bool ends = i + 1 == rest.size() || rest[i + 1] == '/';
    if (rest[i] == '/') {
      fqn += '.';
    } else if (rest[i] == '%' && !ends) {
      fqn += static_cast<char>(std::stoi(rest.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else if (rest[i] != '%') {
      fqn += rest[i];
    }
  }
  return fqn;
}

TEST(DatasetName, RoundTripsHostileNames) {
  EXPECT_TRUE(rc::check("names", [] {
    const auto letters = rc::gen::element('.', '/', '%', 'a', '2', 'F', '\0', '\n', '\x7F', '\xC3');
    const auto fqn = *rc::gen::container<std::string>(letters);
    const bool is_prefix = *rc::gen::arbitrary<bool>();
    const auto path = dataset_path(fqn, is_prefix);
    RC_ASSERT(fqn_of(path) == fqn);
    RC_ASSERT(path.find("//") == std::string::npos);
    RC_ASSERT(path.find("/./") == std::string::npos && !path.ends_with("/."));
    for (const char c : path) RC_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
  }));
}

}  // namespace
}  // namespace h5dcp
