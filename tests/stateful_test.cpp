// Objects that give and take their state themselves, in the order that DCP has.

#include "h5dcp/stateful.hpp"

#include <gtest/gtest.h>
#include <mpi.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "h5dcp/error.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "outcome.hpp"

namespace h5dcp {
namespace {

std::vector<std::string> calls;

// A counter and a tensor of two elements that every rank has.
class Part : public Stateful {
 public:
  Part(std::string name, std::int64_t begin) : name_(std::move(name)), count(begin) {}

  StateDict state_dict() override {
    calls.push_back(name_ + ".state_dict");
    if (fails_in == "state_dict") throw Error(ErrorCode::io, name_ + " has no state");
    StateDict state{{"count", count}, {"w", contiguous_view(elements.data(), {2})}};
    if (inner != nullptr) state["inner"] = inner;
    return state;
  }
  void load_state_dict(const StateDict& state_dict) override {
    calls.push_back(name_ + ".load_state_dict");
    if (fails_in == "load_state_dict") throw Error(ErrorCode::io, name_ + " takes no state");
    count = std::get<std::int64_t>(state_dict.at("count"));
  }

  std::vector<float> elements{0, 0};
  Stateful* inner = nullptr;
  std::string fails_in;

 private:
  std::string name_;

 public:
  std::int64_t count;
};

class StatefulTest : public testing::Test {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    calls.clear();
  }
  int rank = 0;
  int size = 1;
};

using Calls = std::vector<std::string>;

TEST_F(StatefulTest, SavesInTheOrderOfTheKeysAndLoadsSorted) {
  Part b("b", 2);
  Part a("a", 1);
  b.elements = {3, 4};
  StateDict state{{"b", &b}, {"a", &a}, {"step", 7}};
  save(state, {.checkpoint_id = "order.h5"});
  EXPECT_EQ(calls, (Calls{"b.state_dict", "a.state_dict"}));
  EXPECT_TRUE(std::holds_alternative<Stateful*>(state.at("b"))) << "a save changed the state dict";

  calls.clear();
  Part loaded_b("b", 0);
  Part loaded_a("a", 0);
  StateDict into{{"b", &loaded_b}, {"a", &loaded_a}, {"step", 0}};
  load(into, {.checkpoint_id = "order.h5"});
  EXPECT_EQ(calls,
            (Calls{"a.state_dict", "b.state_dict", "a.load_state_dict", "b.load_state_dict"}));
  EXPECT_EQ(loaded_a.count, 1);
  EXPECT_EQ(loaded_b.count, 2);
  EXPECT_EQ(loaded_b.elements, (std::vector<float>{3, 4})) << "filled in place";
  EXPECT_TRUE(into.at("step") == Value(7));
  EXPECT_TRUE(into.at("a") == Value(static_cast<Stateful*>(&loaded_a)));
  EXPECT_EQ(into.begin()->first, "b") << "a load keeps the order of the keys";
}

TEST_F(StatefulTest, IsAskedBeforeTheCheckpointIsOpened) {
  Part part("part", 1);
  StateDict into{{"part", &part}};
  const auto load_from = [&](const std::string& id) {
    return test::failure_of([&] { load(into, {.checkpoint_id = id}); });
  };
  test::expect_failed(load_from("s3://nobody"), ErrorCode::invalid_argument, "plan", "no storage");
  EXPECT_EQ(calls, Calls{});
  test::expect_failed(load_from("no_such.h5"), ErrorCode::not_found, "plan", "no_such.h5");
  EXPECT_EQ(calls, Calls{"part.state_dict"});
  EXPECT_TRUE(into.at("part") == Value(static_cast<Stateful*>(&part)));
}

TEST_F(StatefulTest, MayBeAnywhereAndInEachOther) {
  Part inner("inner", 5);
  Part outer("outer", 6);
  Part listed("listed", 8);
  outer.inner = &inner;
  inner.elements = {1, 2};
  StateDict state{{"deep", Map{{"outer", &outer}}}, {"all", List{Value(1), Value(&listed)}}};
  save(state, {.checkpoint_id = "deep.h5"});
  const auto names = read_metadata({.checkpoint_id = "deep.h5"}).state_dict_metadata;
  EXPECT_TRUE(names.contains("deep.outer.inner.w") && names.contains("all.1.count"));

  Part into_inner("inner", 0);
  Part into_outer("outer", 0);
  Part into_listed("listed", 0);
  into_outer.inner = &into_inner;
  calls.clear();
  StateDict into{{"deep", Map{{"outer", &into_outer}}},
                 {"all", List{Value(0), Value(&into_listed)}}};
  load(into, {.checkpoint_id = "deep.h5"});
  EXPECT_EQ(calls,
            (Calls{"listed.state_dict", "outer.state_dict", "inner.state_dict",
                   "listed.load_state_dict", "inner.load_state_dict", "outer.load_state_dict"}));
  EXPECT_EQ(into_inner.count, 5);
  EXPECT_EQ(into_outer.count, 6);
  EXPECT_EQ(into_listed.count, 8);
  EXPECT_EQ(into_inner.elements, (std::vector<float>{1, 2}));
  EXPECT_TRUE(std::get<List>(into.at("all")).at(0) == Value(1));
}

TEST_F(StatefulTest, WhatOneThrowsOnOneRankIsThrownOnAll) {
  for (const std::string hook : {"state_dict", "load_state_dict"}) {
    Part part("part", 1);
    StateDict state{{"part", &part}};
    save(state, {.checkpoint_id = "good.h5"});
    if (rank == size - 1) part.fails_in = hook;
    const auto failure = test::failure_of([&] { load(state, {.checkpoint_id = "good.h5"}); });
    test::expect_same(MPI_COMM_WORLD, failure, hook);
    EXPECT_TRUE(failure) << hook;
    if (!failure) continue;
    EXPECT_EQ(failure->code(), ErrorCode::io);
    EXPECT_EQ(failure->failed_ranks(), std::vector{size - 1});
    EXPECT_EQ(failure->step(), hook == "state_dict" ? "plan" : "read");
  }
  Part part("part", 1);
  if (rank == 0) part.fails_in = "state_dict";
  StateDict state{{"part", &part}};
  const auto failure = test::failure_of([&] { save(state, {.checkpoint_id = "bad.h5"}); });
  test::expect_same(MPI_COMM_WORLD, failure, "save");
  EXPECT_TRUE(failure && failure->step() == "plan");
}

TEST_F(StatefulTest, AStateWithoutThemIsFilledWhereItIs) {
  StateDict state{{"k", Map{{"n", 3}}}};
  save(state, {.checkpoint_id = "plain.h5"});
  state["k"] = Map{{"n", 0}};
  const Value* place = &std::get<Map>(state.at("k")).at("n");
  load(state, {.checkpoint_id = "plain.h5"});
  EXPECT_EQ(place, &std::get<Map>(state.at("k")).at("n"));
  EXPECT_TRUE(*place == Value(3));
}

}  // namespace
}  // namespace h5dcp
