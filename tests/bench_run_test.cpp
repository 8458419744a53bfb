// What `h5dcp bench` is made of: ways, the memory of a rank, and what rounds come to.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "h5dcp/error.hpp"
#include "rank_state.hpp"
#include "run.hpp"
#include "summary.hpp"
#include "tuning.hpp"
#include "verbs.hpp"
#include "way.hpp"
#include "workload.hpp"

namespace tool::benchmark {
namespace {

TEST(Way, WordsSetOptions) {
  const auto plain = way_named("direct");
  EXPECT_EQ(plain.options.transfer, h5dcp::Transfer::direct);
  EXPECT_FALSE(plain.options.filters.any());
  EXPECT_FALSE(plain.warm);

  const auto all = way_named("collective+warm+piece=65536+shuffle+zstd=7");
  EXPECT_EQ(all.name, "collective+warm+piece=65536+shuffle+zstd=7");
  EXPECT_EQ(all.options.transfer, h5dcp::Transfer::collective);
  EXPECT_TRUE(all.warm);
  EXPECT_EQ(all.options.piece_bytes, 65536U);
  EXPECT_EQ(all.options.filters,
            (h5dcp::Filters{.compression = h5dcp::Compression::zstd, .level = 7, .shuffle = true}));
  EXPECT_EQ(way_named("deflate=9").options.filters,
            (h5dcp::Filters{.compression = h5dcp::Compression::deflate, .level = 9}));
  const auto placed = way_named("alignment=65536+stripes=4+stripe-bytes=131072").options;
  EXPECT_EQ(placed.alignment, 65536U);
  EXPECT_EQ(placed.striping, (h5dcp::Striping{4, 131072}));
  EXPECT_EQ(way_named("all-stripes").options.striping, (h5dcp::Striping{-1, 0}));
  EXPECT_THROW(way_named("stripes=4294967300"), UsageError) << "it must not wrap around to 4";
  EXPECT_EQ(way_named("aggregated").options.transfer, h5dcp::Transfer::aggregated);
  EXPECT_EQ(way_named("automatic").options.transfer, h5dcp::Transfer::automatic);
  EXPECT_THROW(way_named("deflate=4294967296"), UsageError) << "it must not wrap around to 0";
  EXPECT_THROW(way_named(""), UsageError);
}

TEST(Way, AProfileIsAWord) {
  std::ofstream("profile.json")
      << R"({"transfer": "direct", "piece_bytes": 4096, "files": "number 3"})";
  const auto profile = way_named("profile", "profile.json").options;
  EXPECT_EQ(profile.transfer, h5dcp::Transfer::direct);
  EXPECT_EQ(profile.piece_bytes, 4096U);
  EXPECT_EQ(profile.files, h5dcp::Files::number(3));
  const auto changed = way_named("profile+aggregated+warm", "profile.json");
  EXPECT_EQ(changed.options.transfer, h5dcp::Transfer::aggregated);
  EXPECT_EQ(changed.options.piece_bytes, 4096U);
  EXPECT_TRUE(changed.warm);
  EXPECT_THROW(way_named("profile"), UsageError) << "which?";
  EXPECT_THROW(way_named("profile", "missing.json"), UsageError);
}

TEST(ARun, MeasuresItsProfile) {
  const auto ways_of = [](benchmark::Run run) {
    add_profile(run);
    return run.way;
  };
  using Ways = std::vector<std::string>;
  EXPECT_EQ(ways_of({.way = {"direct"}}), Ways{"direct"});
  EXPECT_EQ(ways_of({.way = {"direct"}, .profile = "p"}), (Ways{"direct", "profile"}));
  EXPECT_EQ(ways_of({.way = {"profile+warm"}, .profile = "p"}), Ways{"profile+warm"});
}

// Some tensors of each kind, few enough to look at all.
Workload small_workload(const std::string& name, int ranks) {
  auto workload = make_workload(name, Run{.scale = 0.01}, ranks);
  workload.tensors.resize(std::min<std::size_t>(workload.tensors.size(), 30));
  return workload;
}

bool passes(RankState& state) {
  try {
    state.check();
    return true;
  } catch (const h5dcp::Error& error) {
    EXPECT_EQ(error.code(), h5dcp::ErrorCode::corrupt);
    return false;
  }
}

TEST(RankState, KnowsWhatItWasFilledWith) {
  for (const auto& name : workload_names()) {
    const auto workload = small_workload(name, 4);
    RankState state(workload, 1);
    EXPECT_FALSE(passes(state)) << name << ": nothing was loaded yet";
    state.fill();
    EXPECT_TRUE(passes(state)) << name;
    state.clear();
    EXPECT_FALSE(passes(state)) << name;
  }
}

TEST(RankState, NoticesEveryByte) {
  const auto workload = small_workload("mixtral-8x7b", 4);
  RankState state(workload, 0);
  state.fill();
  const auto buffer = state.buffer();
  std::size_t noticed = 0;
  for (auto& byte : buffer.first(2000)) {
    byte ^= std::byte{1};
    noticed += passes(state) ? 0U : 1U;
    byte ^= std::byte{1};
  }
  EXPECT_EQ(noticed, 2000U);
  EXPECT_TRUE(passes(state));
}

TEST(RankState, NamesTheRowThatIsWrong) {
  const auto workload = small_workload("rows", 3);
  RankState state(workload, 1);  // 416 rows of 1024 of each tensor
  state.fill();
  const auto row = std::ptrdiff_t{4} * 1024;
  std::swap_ranges(state.buffer().begin() + 5 * row, state.buffer().begin() + 6 * row,
                   state.buffer().begin() + 7 * row);
  try {
    state.check();
    ADD_FAILURE() << "rows were exchanged";
  } catch (const h5dcp::Error& error) {
    EXPECT_STREQ(error.what(),
                 "what was loaded is not what was saved: row 421 of 'layers.0.weight', "
                 "[416:832, 0:1024]");
  }
}

TEST(RankState, ReplicasAreEqualAndShardsDiffer) {
  for (const auto* const name : {"replicated", "rows", "mesh2d"}) {
    const auto workload = small_workload(name, 4);
    RankState one(workload, 0);
    RankState other(workload, 3);
    one.fill();
    other.fill();
    EXPECT_EQ(std::ranges::equal(one.buffer(), other.buffer()), name == std::string("replicated"));
  }
}

TEST(RankState, SharesAddUpToTheWhole) {
  for (const auto& name : workload_names()) {
    for (const int ranks : {1, 3, 4}) {
      const auto workload = small_workload(name, ranks);
      const auto whole = size_of(workload).nbytes;
      std::uint64_t shares = 0;
      std::uint64_t held = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        const RankState state(workload, rank);
        shares += state.share_bytes();
        held += state.held_bytes();
      }
      EXPECT_GE(shares, whole) << name;
      EXPECT_LE(shares, whole + 4U * workload.tensors.size() * static_cast<std::size_t>(ranks));
      EXPECT_EQ(held, name == "replicated" ? whole * static_cast<std::uint64_t>(ranks) : whole);
    }
  }
}

TEST(Summary, IsOverTheRounds) {
  const benchmark::Run run{.way = {"direct"}};
  const auto phase = [](const char* name, double seconds, int rank) {
    return h5dcp::Phase{.name = name, .max_seconds = seconds, .slowest_rank = rank};
  };
  std::vector<Measurement> measured;
  for (const auto* const what : {"save", "load"}) {
    const double factor = what == std::string("save") ? 1 : 2;
    measured.push_back({what, "raw", 1, 1 * factor, 0, 8'000'000'000});
    measured.push_back({what,
                        "direct",
                        1,
                        4 * factor,
                        1,
                        8'000'000'000,
                        {phase("plan", 1, 0), phase("write", 3, 1)}});
    measured.push_back({what, "direct", 2, 2 * factor, 2, 8'000'000'000, {phase("write", 2, 2)}});
    measured.push_back({what, "raw", 2, 2 * factor, 0, 8'000'000'000});
    measured.push_back({what, "direct", 3, 8 * factor, 1, 8'000'000'000, {phase("write", 8, 1)}});
    measured.push_back({what, "raw", 3, 1 * factor, 1, 8'000'000'000});
  }
  const auto summaries = summarize(run, measured);
  ASSERT_EQ(summaries.size(), 4U);
  EXPECT_EQ(summaries[0].way, "raw");
  EXPECT_EQ(summaries[0].of_raw.min, 1);
  EXPECT_EQ(summaries[0].of_raw.max, 1);
  const auto& direct = summaries[1];
  EXPECT_EQ(direct.what, "save");
  EXPECT_EQ(direct.way, "direct");
  EXPECT_EQ(direct.seconds.median, 4);
  EXPECT_EQ(direct.seconds.min, 2);
  EXPECT_EQ(direct.seconds.max, 8);
  EXPECT_EQ(direct.gigabytes_per_second.median, 2);
  EXPECT_EQ(direct.of_raw.median, 0.25) << "of 1/4, 2/2 and 1/8, not of the medians";
  EXPECT_EQ(direct.of_raw.min, 0.125);
  EXPECT_EQ(direct.of_raw.max, 1);
  EXPECT_EQ(direct.slowest_rank, 1);
  EXPECT_EQ(direct.slowest_in, 2U);
  ASSERT_EQ(direct.phases.size(), 2U);
  EXPECT_EQ(direct.phases[1].name, "write");
  EXPECT_EQ(direct.phases[1].median_seconds, 3);
  EXPECT_EQ(direct.phases[1].slowest_rank, 1);
  EXPECT_EQ(summaries[3].what, "load");
  EXPECT_EQ(summaries[3].seconds.median, 8);
}

// Of two workloads, each with these medians of save and load.
std::vector<Measured> measured_as(
    const std::vector<std::pair<std::string, std::array<double, 4>>>& ways) {
  std::vector<Measured> workloads{{.workload = "rows"}, {.workload = "columns"}};
  for (const auto& [way, of_raw] : ways) {
    for (std::size_t i = 0; i < 4; ++i) {
      workloads[i / 2].summaries.push_back(
          {.what = i % 2 == 0 ? "save" : "load", .way = way, .of_raw = {.median = of_raw.at(i)}});
    }
  }
  return workloads;
}

TEST(Tuning, ScoresAreGeometricMeans) {
  const auto measured = measured_as({{"raw", {1, 1, 1, 1}}, {"direct", {4, 1, 0.5, 8}}});
  EXPECT_DOUBLE_EQ(score_of(measured, "raw"), 1);
  EXPECT_DOUBLE_EQ(score_of(measured, "direct"), 2);
}

TEST(Tuning, WhatWasChosenStaysUnlessAnotherIsClearlyBetter) {
  const std::vector<std::string> ways{"a", "b", "c"};
  EXPECT_EQ(best_of(ways, measured_as({{"a", {1, 1, 1, 1}},
                                       {"b", {1.04, 1.04, 1.04, 1.04}},
                                       {"c", {0.5, 0.5, 0.5, 0.5}}})),
            "a");
  EXPECT_EQ(best_of(ways, measured_as({{"a", {1, 1, 1, 1}},
                                       {"b", {1.06, 1.06, 1.06, 1.06}},
                                       {"c", {2, 2, 1, 0.5}}})),
            "c");
  EXPECT_EQ(
      best_of(ways, measured_as({{"a", {3, 3, 3, 3}}, {"b", {2, 2, 2, 2}}, {"c", {1, 1, 1, 1}}})),
      "a");
}

TEST(Tuning, AllThatItTriesIsAWay) {
  for (const auto* const chosen : {"automatic", "direct", "aggregated", "collective"}) {
    for (const int ranks : {1, 2, 3, 64}) {
      for (const auto& topic : kTopics) {
        for (const auto& way : topic.others(chosen, {ranks, true})) {
          EXPECT_NO_THROW(way_named(way)) << way;
        }
        const auto others = topic.others(chosen, {ranks, false});
        if (topic.name == std::string("stripes")) {
          EXPECT_TRUE(others.empty()) << "there are none";
          continue;
        }
        const bool is_files = topic.name == std::string("files");
        const bool one_file = chosen == std::string("collective") || ranks == 1;
        EXPECT_EQ(others.empty(), is_files && one_file) << topic.name << " " << chosen;
      }
    }
  }
}

}  // namespace
}  // namespace tool::benchmark
