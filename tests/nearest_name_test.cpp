#include "plan/nearest_name.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace h5dcp {
namespace {

TEST(NearestName, IsCloseOrNone) {
  const std::vector<std::string_view> names = {"lm_head.weight", "opt.step", "opt.lr", ""};
  struct Case {
    const char* why;
    std::string_view name, expected;
  };
  const Case cases[] = {
      {"two characters changed places", "lm_head.wieght", "lm_head.weight"},
      {"one too many", "opt.steps", "opt.step"},
      {"one too few", "opt.l", "opt.lr"},
      {"the start differs", "xopt.step", "opt.step"},
      {"itself", "opt.lr", "opt.lr"},
      {"nothing is close", "rng", ""},
      {"short names are close to nothing much", "xyz.lr", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(nearest_name(c.name, names), c.expected) << c.why;
}

TEST(NearestName, GivesUpOnEndlessNames) {
  const std::string name(100'000, 'a');
  const std::string other = name + "b";
  EXPECT_EQ(nearest_name(name, std::vector<std::string_view>{other}), "");
}

}  // namespace
}  // namespace h5dcp
