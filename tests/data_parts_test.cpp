// How tensors are cut into parts, which data files these go to, and how they are stored.

#include "layout/data_parts.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

TEST(CutByGroups, MakesOnePartOfBoxesThatAreABox) {
  struct Case {
    const char* why;
    std::vector<Box> boxes;
    std::vector<std::uint32_t> groups;
    std::vector<DataPart> parts;
    std::vector<std::uint32_t> of_box;
  };
  const Box a{{0, 0}, {2, 4}};
  const Box b{{2, 0}, {2, 4}};
  const Box last{{4, 0}, {2, 4}};
  const Case cases[] = {
      {"one box", {a}, {0}, {{1, 0, a}}, {0}},
      {"rows of one group", {a, b, last}, {0, 0, 0}, {{1, 0, {{0, 0}, {6, 4}}}}, {0, 0, 0}},
      {"rows of two", {a, b, last}, {0, 0, 1}, {{1, 0, {{0, 0}, {4, 4}}}, {2, 0, last}}, {0, 0, 1}},
      {"a hole between them",
       {a, b, last},
       {1, 0, 1},
       {{1, 0, b}, {2, 0, a}, {2, 0, last}},
       {1, 0, 2}},
      {"an L",
       {{{0, 0}, {2, 4}}, {{2, 0}, {2, 2}}, {{2, 2}, {2, 2}}},
       {3, 3, 5},
       {{4, 0, {{0, 0}, {2, 4}}}, {4, 0, {{2, 0}, {2, 2}}}, {6, 0, {{2, 2}, {2, 2}}}},
       {0, 1, 2}},
  };
  for (const auto& c : cases) {
    const auto cut = cut_by_groups(c.boxes, c.groups);
    EXPECT_EQ(cut.parts, c.parts) << c.why;
    EXPECT_EQ(cut.of_box, c.of_box) << c.why;
  }
}

TEST(ShareOutBytes, GivesToTheFileThatHasLeast) {
  using Numbers = std::vector<std::uint32_t>;
  EXPECT_EQ(share_out_bytes({}, 3), Numbers{});
  EXPECT_EQ(share_out_bytes({5, 5, 5, 5}, 1), (Numbers{1, 1, 1, 1}));
  EXPECT_EQ(share_out_bytes({9, 1, 1, 1, 7, 1}, 2), (Numbers{1, 2, 2, 2, 2, 1}));
  EXPECT_EQ(share_out_bytes({1, 1}, 3), (Numbers{1, 2})) << "file 3 is not needed";
}

TEST(DataParts, AreStoredAsNumbers) {
  const std::vector<DataPart> parts{{3, 4096, {{1, 2}, {5, 6}}}, {1, 8192, {{0, 0}, {1, 2}}}};
  const auto numbers = encode_parts(parts);
  EXPECT_EQ(numbers, (std::vector<std::int64_t>{2, 3, 4096, 1, 2, 5, 6, 1, 8192, 0, 0, 1, 2}));
  const std::span all(numbers);
  EXPECT_EQ(decode_part(all.subspan(1, numbers_of_part(2))), parts[0]);
  EXPECT_EQ(decode_part(all.subspan(7)), parts[1]);
}

TEST(DataParts, HaveNamesThatStayInTheirFolder) {
  EXPECT_EQ(data_folder_name("step_100.h5", 0x123), "step_100.h5.0000000000000123.data");
  EXPECT_EQ(data_file_name(12), "12.h5");
  EXPECT_EQ(source_name("100%self%"), "100%%self%%");
  EXPECT_TRUE(is_folder_name("a.data"));
  for (const std::string bad : {"", ".", "..", "a/b", "/", "../a"}) {
    EXPECT_FALSE(is_folder_name(bad)) << bad;
  }
}

TEST(DataParts, AreOnlyRecognisedByNamesOfExactlyTheirForm) {
  const std::string good = data_folder_name("run", 0x0123456789abcdef);
  EXPECT_EQ(generation_in_data_folder(good, "run"), 0x0123456789abcdefU);
  for (const std::string bad :
       {"run.validation-split.data", "run.0123456789ABCDEF.data", "run.0123456789abcde.data",
        "run.0123456789abcdef0.data", "run.0123456789abcdef.data.bak", "run.0123456789abcdef",
        "other.0123456789abcdef.data", "run.x.0123456789abcdef.data", "thesis", ""}) {
    EXPECT_FALSE(generation_in_data_folder(bad, "run")) << bad;
  }
  EXPECT_EQ(number_of_data_file("12.h5"), 12U);
  for (const std::string bad : {"0.h5", "012.h5", "+1.h5", "-1.h5", "1.h5.bak", "1", ".h5", ""}) {
    EXPECT_FALSE(number_of_data_file(bad)) << bad;
  }
}

TEST(Files, SayWhatTheyAre) {
  EXPECT_EQ(to_string(Files()), "one");
  EXPECT_EQ(to_string(Files::number(4)), "number 4");
  EXPECT_EQ(to_string(Files::per_node()), "per node");
  EXPECT_EQ(to_string(Files::per_ranks(8)), "per 8 ranks");
  for (const auto& files :
       {Files(), Files::number(4), Files::per_node(), Files::per_ranks(8), Files::number(65536)}) {
    EXPECT_EQ(files_named(to_string(files)), files);
  }
  for (const auto* name : {"", "two", "number", "number  4", "number 04", "number 4 ", "number 4x",
                           "per", "per ranks", "number 99999999999", "4"}) {
    EXPECT_EQ(files_named(name), std::nullopt) << name;
  }
}

TEST(Files, AreAtLeastOne) {
  for (const auto& good : {Files(), Files::number(1), Files::per_node(), Files::per_ranks(65536)}) {
    EXPECT_NO_THROW(check_files(good)) << to_string(good);
  }
  for (const auto& bad : {Files::number(0), Files::number(-1), Files::per_ranks(65537)}) {
    EXPECT_THROW(check_files(bad), Error) << to_string(bad);
  }
}

}  // namespace
}  // namespace h5dcp
