// Profiles: options as a file says them, and what is wrong with one.

#include "h5dcp/profile.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

std::string written(const std::string& text) {
  std::ofstream("profile.json") << text;
  return "profile.json";
}

void expect_same(const Hdf5Options& a, const Hdf5Options& b, const std::string& why) {
  EXPECT_EQ(a.transfer, b.transfer) << why;
  EXPECT_EQ(a.piece_bytes, b.piece_bytes) << why;
  EXPECT_EQ(a.files, b.files) << why;
  EXPECT_EQ(a.hints, b.hints) << why;
  EXPECT_EQ(a.alignment, b.alignment) << why;
  EXPECT_EQ(a.striping, b.striping) << why;
}

TEST(Profile, SaysWhatWasMeant) {
  const Hdf5Options cases[] = {
      {},
      {.transfer = Transfer::direct, .piece_bytes = 1, .files = Files::number(4)},
      {.transfer = Transfer::collective,
       .piece_bytes = std::uint64_t{1} << 30,
       .hints = {{"striping_unit", "4194304"}, {"cb_buffer_size", "33554432"}}},
      {.transfer = Transfer::aggregated, .files = Files::per_node()},
      {.files = Files::per_ranks(16)},
      {.alignment = 1U << 20U, .striping = {8, 1U << 22U}},
      {.striping = {-1, 0}},
  };
  for (const auto& options : cases) {
    const auto text = profile_of(options);
    expect_same(options_from_profile(written(text)), options, text);
  }
}

TEST(Profile, LeavesWhatItDoesNotNameAsItIsByDefault) {
  expect_same(options_from_profile(written("{}")), {}, "nothing");
  expect_same(options_from_profile(written(R"({"piece_bytes": 65536, "measured": [1, {"a": 2}]})")),
              {.piece_bytes = 65536}, "one");
  const auto options = options_from_profile(written(R"({"transfer": "direct"})"));
  EXPECT_EQ(options.overwrite, Overwrite::replace);
  EXPECT_FALSE(options.filters.any());
}

TEST(Profile, IsOneOrRefused) {
  const std::string keys =
      "transfer, piece_bytes, files, hints, alignment, stripe_count, stripe_bytes, measured";
  const std::pair<std::string, std::string> cases[] = {
      {"", "it is no JSON object with the keys " + keys},
      {"[1]", "it is no JSON object with the keys " + keys},
      {R"({"transfer": "direct")", "it is no JSON object with the keys " + keys},
      {R"({"speed": 1})", "there is no key 'speed'; there are " + keys},
      {R"({"transfer": "fast"})",
       "'transfer' is \"fast\": it must be direct, collective, aggregated or automatic"},
      {R"({"transfer": 3})",
       "'transfer' is 3: it must be direct, collective, aggregated or automatic"},
      {R"({"piece_bytes": -1})", "'piece_bytes' is -1: it must be a number between 1 and "},
      {R"({"piece_bytes": 1.5})", "'piece_bytes' is 1.5: it must be a number between 1 and "},
      {R"({"piece_bytes": "8"})", "'piece_bytes' is \"8\": it must be a number between 1 and "},
      {R"({"piece_bytes": 0})", "Hdf5Options::piece_bytes is 0: it must be between 1 and 1 GiB"},
      {R"({"files": "many"})",
       "'files' is \"many\": it must be one, number N, per node or per N ranks"},
      {R"({"files": 4})", "'files' is 4: it must be one, number N, per node or per N ranks"},
      {R"({"files": "number 0"})",
       "Hdf5Options::files is 'number 0': it must be between 1 and 65536"},
      {R"({"transfer": "collective", "files": "number 2"})",
       "Hdf5Options::files is 'number 2': Transfer::collective makes one file"},
      {R"({"hints": ["a"]})", "'hints' is [\"a\"]: it must be an object in which each name has a"},
      {R"({"hints": {"cb_buffer_size": 4}})",
       "'hints' is {\"cb_buffer_size\":4}: it must be an object in"},
      {R"({"hints": {"cb_buffer_size": ""}})",
       "Hdf5Options::hints: the hint 'cb_buffer_size' is empty"},
      {R"({"alignment": "1 MiB"})",
       "'alignment' is \"1 MiB\": it must be a multiple of 4096, or 0"},
      {R"({"stripe_count": "all"})",
       "'stripe_count' is \"all\": it must be a number between -1 and 2000"},
      {R"({"stripe_count": 4294967297})", "'stripe_count' is 4294967297: it must be a number"},
      {R"({"stripe_count": 2001})",
       "Hdf5Options::striping.count is 2001: it must be between -1 and"},
      {R"({"stripe_bytes": -65536})",
       "'stripe_bytes' is -65536: it must be a multiple of 65536 below 4 GiB"},
      {R"({"stripe_bytes": 5})", "Hdf5Options::striping.bytes is 5: it must be a multiple of"},
      {R"({"alignment": 5})", "Hdf5Options::alignment is 5: it must be a multiple of 4096"},
      {"{\"transfer\": \"\xff\"}", "it is no JSON object"}};
  for (const auto& [text, why] : cases) {
    try {
      options_from_profile(written(text));
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << text;
      EXPECT_TRUE(std::string(error.what()).starts_with("profile 'profile.json': " + why))
          << error.what();
    }
  }
}

TEST(Profile, ThatCannotBeReadIsAnError) {
  const std::pair<std::string, ErrorCode> cases[] = {{"missing.json", ErrorCode::not_found},
                                                     {".", ErrorCode::io}};
  for (const auto& [path, code] : cases) {
    try {
      options_from_profile(path);
      ADD_FAILURE() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code);
      EXPECT_NE(std::string(error.what()).find("'" + path + "'"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace h5dcp
