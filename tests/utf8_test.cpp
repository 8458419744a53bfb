#include "base/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

namespace h5dcp {
namespace {

using std::string_literals::operator""s;

TEST(Utf8, IsWhatRfc3629Allows) {
  struct Case {
    const char* why;
    std::string text;
    bool expected;
  };
  const Case cases[] = {
      {"nothing", "", true},
      {"ASCII with a NUL", "a\0b\x7f"s, true},
      {"two bytes, least and most", "\xc2\x80 \xdf\xbf", true},
      {"three bytes, least and most", "\xe0\xa0\x80 \xef\xbf\xbf", true},
      {"four bytes, least and most", "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf", true},
      {"around the surrogates", "\xed\x9f\xbf \xee\x80\x80", true},
      {"a surrogate", "\xed\xa0\x80", false},
      {"past U+10FFFF", "\xf4\x90\x80\x80", false},
      {"a first byte that is none", "\xf5\x80\x80\x80", false},
      {"two bytes for ASCII", "\xc1\xbf", false},
      {"three bytes for two", "\xe0\x9f\xbf", false},
      {"four bytes for three", "\xf0\x8f\xbf\xbf", false},
      {"a continuation without a start", "a\x80", false},
      {"cut short", "\xe2\x82", false},
      {"interrupted", "\xe2\x82\x41", false},
      {"Latin-1", "caf\xe9", false},
  };
  for (const auto& c : cases) EXPECT_EQ(is_utf8(c.text), c.expected) << c.why;
}

}  // namespace
}  // namespace h5dcp
