// save, load and their siblings: every argument that has a meaning, and what is wrong with it.

#include <gtest/gtest.h>
#include <mpi.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/rank_list.hpp"
#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/null_storage.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "outcome.hpp"
#include "sample_state.hpp"
#include "storage/hdf5_partial.hpp"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // they are tested here

namespace h5dcp {
namespace {

using Keys = std::vector<std::string>;

class EntryPoints : public testing::Test {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
  }

  // Rows of a matrix of 6 x 4, and some values.
  StateDict make_state(bool filled) const {
    const auto w = test::make_tensor({"model.w", DType::float32, {6, 4}}, 0, rank, size);
    const auto v = test::make_tensor({"model.v", DType::int16, {5}}, 0, rank, size);
    if (filled) {
      test::fill("model.w", w);
      test::fill("model.v", v);
    }
    return {{"model", Map{{"w", w}, {"v", v}}},
            {"optim", Map{{"lr", filled ? 0.5 : 0.0}, {"steps", List{Map{{"n", filled ? 3 : 0}}}}}},
            {"name", filled ? "run" : ""}};
  }

  static void expect_loaded(const StateDict& state) {
    const auto& model = std::get<Map>(state.at("model"));
    EXPECT_EQ(test::wrong_elements("model.w", std::get<ShardedTensor>(model.at("w"))), 0U);
    EXPECT_EQ(test::wrong_elements("model.v", std::get<ShardedTensor>(model.at("v"))), 0U);
    EXPECT_TRUE(std::get<Map>(state.at("optim")).at("lr") == Value(0.5));
    EXPECT_TRUE(state.at("name") == Value("run"));
  }

  // A whole tensor, of which fill() has made the elements.
  static void expect_whole(const std::string& fqn, const Value& value, const Extents& sizes) {
    const auto& view = std::get<TensorView>(value);
    EXPECT_EQ(view.sizes, sizes) << fqn;
    Box box{sizes, sizes};
    for (auto& offset : box.offsets) offset = 0;
    EXPECT_EQ(test::wrong_elements(fqn, {view.dtype, sizes, {{box, view}}}), 0U) << fqn;
  }

  int rank = 0;
  int size = 1;
};

TEST_F(EntryPoints, TheOldFormsLetAnyRankCoordinate) {
  for (int coordinator = 0; coordinator < size; ++coordinator) {
    const auto path = "coordinated_" + std::to_string(coordinator) + ".h5";
    StateDict state = make_state(true);
    Hdf5Writer writer(path);
    save_state_dict(state, writer, MPI_COMM_WORLD, coordinator);
    StateDict loaded = make_state(false);
    Hdf5Reader reader(path);
    load_state_dict(loaded, reader, MPI_COMM_WORLD, coordinator);
    expect_loaded(loaded);
    if (rank == 0) {
      EXPECT_TRUE(verify_checkpoint(path).empty()) << path;
    }
  }
}

TEST_F(EntryPoints, TheOldFormsTakeOptions) {
  const Options options{.record_path = "old_forms.jsonl"};
  if (rank == size - 1) std::filesystem::remove(options.record_path);  // of an earlier run
  StateDict state = make_state(true);
  Hdf5Writer writer("old_forms.h5");
  save_state_dict(state, writer, MPI_COMM_WORLD, size - 1, false, nullptr, options);
  Hdf5Reader reader("old_forms.h5");
  load_state_dict(state, reader, MPI_COMM_WORLD, size - 1, false, nullptr, options);
  if (rank != size - 1) return;  // that rank has written the record
  std::ifstream record(options.record_path);
  Keys lines;
  for (std::string line; std::getline(record, line);) lines.push_back(line.substr(0, 14));
  EXPECT_EQ(lines, (Keys{R"({"what":"save")", R"({"what":"load")"}));
}

// Notes who is told to be the coordinator.
class Noting : public NullWriter {
 public:
  bool coordinator = false;
  void set_up_storage_writer(bool is_coordinator) override { coordinator = is_coordinator; }
};

TEST_F(EntryPoints, TheCoordinatorIsTheOneThatWasNamed) {
  StateDict state = make_state(true);
  Noting writer;
  save_state_dict(state, writer, MPI_COMM_WORLD, size - 1);
  EXPECT_EQ(writer.coordinator, rank == size - 1);
  StateDict own{{"step", rank}};
  save_state_dict(own, writer, MPI_COMM_WORLD, 99, /*no_dist=*/true);
  EXPECT_TRUE(writer.coordinator) << "alone, every rank is";
}

TEST_F(EntryPoints, ErrorsNameTheCoordinatorThatWasNamed) {
  if (size == 1) return;
  // Each rank has a checkpoint of its own where the others have theirs, as on a disk of its own.
  const auto here = std::filesystem::current_path();
  const auto own = here / ("disk_" + std::to_string(rank));
  std::filesystem::create_directory(own);
  std::filesystem::current_path(own);
  StateDict state{{"step", rank}};
  save(state, {.checkpoint_id = "x.h5", .no_dist = true});
  Hdf5Reader reader("x.h5");
  const auto failure = test::failure_of([&] { load_state_dict(state, reader, MPI_COMM_WORLD, 1); });
  test::expect_failed(failure, ErrorCode::io, "plan", "open 'x.h5': not the file that rank 1 read");
  if (failure) {
    EXPECT_EQ(failure->failed_ranks().size(), static_cast<std::size_t>(size) - 1);
  }
  std::filesystem::current_path(here);

  const auto other = (own / "x.h5").string();
  try {
    Record record;
    record.generation = 7;
    open_partial(other, record, 1);
    ADD_FAILURE() << "it was taken for the coordinator's";
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), "open '" + other +
                                "': not the file that rank 1 made; all ranks must see the same "
                                "file system there");
  }
}

TEST_F(EntryPoints, CoordinatorsThatAreNone) {
  StateDict state = make_state(true);
  NullWriter writer;
  const auto with = [&](int coordinator) {
    return test::failure_of([&] { save_state_dict(state, writer, MPI_COMM_WORLD, coordinator); });
  };
  test::expect_failed(with(size), ErrorCode::invalid_argument, "plan", "coordinator_rank is");
  test::expect_failed(with(-1), ErrorCode::invalid_argument, "plan", "coordinator_rank is -1");
  if (size > 1) {
    test::expect_failed(with(rank == 0 ? 1 : 0), ErrorCode::invalid_argument, "plan",
                        "coordinator_rank is not the same on all ranks");
  }
}

TEST_F(EntryPoints, TheShortForms) {
  StateDict state = make_state(true);
  Hdf5Writer writer("short.h5");
  save(state, writer);
  StateDict loaded = make_state(false);
  Hdf5Reader reader("short.h5");
  load(loaded, reader);
  expect_loaded(loaded);
}

TEST_F(EntryPoints, WithoutDistEachRankIsAlone) {
  const auto path = "alone_" + std::to_string(rank) + ".h5";
  StateDict state{{"w", allocate(DType::float32, {rank + 1})}, {"rank", rank}};
  save(state, {.checkpoint_id = path, .no_dist = true});
  const auto summary = CheckpointFile(path).summary();
  EXPECT_EQ(summary.world_size, 1U);
  state["rank"] = -1;
  load(state, {.checkpoint_id = path, .no_dist = true});
  EXPECT_TRUE(state.at("rank") == Value(rank));
}

TEST_F(EntryPoints, ALoadIntoNothingBringsEverything) {
  StateDict state = make_state(true);
  save(state, {.checkpoint_id = "all.h5"});
  StateDict loaded;
  EmptyStateDictLoadPlanner planner;
  load(loaded, {.checkpoint_id = "all.h5", .planner = &planner});
  expect_whole("model.w", std::get<Map>(loaded.at("model")).at("w"), {6, 4});
  expect_whole("model.v", std::get<Map>(loaded.at("model")).at("v"), {5});
  EXPECT_TRUE(loaded.at("optim") == Value(Map{{"lr", 0.5}, {"steps", List{Map{{"n", 3}}}}}));
  EXPECT_TRUE(loaded.at("name") == Value("run"));

  StateDict full{{"x", 1}};
  test::expect_failed(
      test::failure_of([&] { load(full, {.checkpoint_id = "all.h5", .planner = &planner}); }),
      ErrorCode::invalid_argument, "plan", "load into an empty state dict: it has 1 key");
}

TEST_F(EntryPoints, SomeKeys) {
  StateDict state = make_state(true);
  save(state, {.checkpoint_id = "keys.h5"});
  const LoadArguments from{.checkpoint_id = "keys.h5"};

  const auto model = load_state_dict_from_keys(Keys{"model"}, from);
  EXPECT_EQ(model.size(), 1U);
  EXPECT_EQ(std::get<Map>(model.at("model")).size(), 2U);

  const auto one = load_state_dict_from_keys(Keys{"model.w", "optim.steps"}, from);
  EXPECT_EQ(one.size(), 2U);
  expect_whole("model.w", std::get<Map>(one.at("model")).at("w"), {6, 4});
  EXPECT_TRUE(one.at("optim") == Value(Map{{"steps", List{Map{{"n", 3}}}}}));

  EXPECT_EQ(load_state_dict_from_keys(std::nullopt, from).size(), 3U);
  EXPECT_EQ(load_state_dict_from_keys(Keys{}, from).size(), 0U);

  test::expect_failed(
      test::failure_of([&] { load_state_dict_from_keys(Keys{"modl.w"}, from); }),
      ErrorCode::not_found, "plan",
      "load 'modl.w': the checkpoint has nothing of that name (nearest: 'model.w')");
  StateDict nothing;
  EmptyStateDictLoadPlanner partial(Keys{"modl"}, {.allow_partial_load = true});
  load(nothing, {.checkpoint_id = "keys.h5", .planner = &partial});
  EXPECT_TRUE(nothing.empty());
}

TEST_F(EntryPoints, KeysAreBeginningsOfPathsNotOfNames) {
  const Map dotted{{"c", 1}, {"d.e", List{2, "x"}}};
  StateDict state{{"a.b", dotted}, {"a", Map{{"d", 3}}}, {"ab", 4}, {"l", List{Map{{"m", 5}}, 6}}};
  save(state, {.checkpoint_id = "dotted.h5"});
  const LoadArguments from{.checkpoint_id = "dotted.h5"};
  struct Case {
    const char* key;
    StateDict selects;
  };
  const Case cases[] = {{"a", {{"a", Map{{"d", 3}}}}},
                        {"a.d", {{"a", Map{{"d", 3}}}}},
                        {"a.b", {{"a.b", dotted}}},
                        {"a.b.c", {{"a.b", Map{{"c", 1}}}}},
                        {"a.b.d.e", {{"a.b", Map{{"d.e", List{2, "x"}}}}}},
                        {"l.0", {{"l", List{Map{{"m", 5}}}}}},
                        {"l.0.m", {{"l", List{Map{{"m", 5}}}}}}};
  for (const auto& c : cases) {
    EXPECT_TRUE(load_state_dict_from_keys(Keys{c.key}, from) == c.selects) << c.key;
  }
  for (const char* const half : {"a.b.d", "a.", "", "l.", "a.b.d.e.x"}) {
    test::expect_failed(test::failure_of([&] { load_state_dict_from_keys(Keys{half}, from); }),
                        ErrorCode::not_found, "plan",
                        std::string("load '") + half + "': the checkpoint has nothing");
  }
}

TEST_F(EntryPoints, ListsOfEmptyThingsComeBackAsTheyWere) {
  StateDict state{{"a", List{Map{}, Map{}}}, {"b", List{}}, {"c", Map{}}, {"d", List{Map{}, 1}}};
  save(state, {.checkpoint_id = "empty.h5"});
  EXPECT_TRUE(load_state_dict_from_keys(std::nullopt, {.checkpoint_id = "empty.h5"}) == state);
}

TEST_F(EntryPoints, MissingAndUnexpectedKeysAreListed) {
  StateDict state = make_state(true);
  save(state, {.checkpoint_id = "missing.h5"});
  StateDict wanted{{"nam", ""}, {"optim", Map{{"lr", 0.0}}}};
  test::expect_failed(
      test::failure_of([&] { load(wanted, {.checkpoint_id = "missing.h5"}); }),
      ErrorCode::not_found, "plan",
      "1 key of the state dict is not in the checkpoint: 'nam' (nearest: 'name'); 4 of "
      "the checkpoint are not in the state dict: 'model.v', 'model.w', 'name', "
      "'optim.steps.0.n'");
  DefaultLoadPlanner planner({.allow_partial_load = true});
  load(wanted, {.checkpoint_id = "missing.h5", .planner = &planner});
  EXPECT_EQ(planner.missing_keys(), Keys{"nam"});
  EXPECT_EQ(planner.unexpected_keys(), (Keys{"model.v", "model.w", "name", "optim.steps.0.n"}));
  EXPECT_TRUE(std::get<Map>(wanted.at("optim")).at("lr") == Value(0.5));
  EXPECT_TRUE(wanted.at("nam") == Value("")) << "what is missing stays";
}

Keys keys_of(const StateDict& state) {
  Keys keys;
  for (const auto& [key, value] : state) keys.push_back(key);
  return keys;
}

TEST_F(EntryPoints, ALoadSortsTheKeysAtTheTopAndLeavesThemAsTheyWere) {
  // Notes what it is given, and fails after `most` values.
  struct Listing : DefaultLoadPlanner {
    using DefaultLoadPlanner::DefaultLoadPlanner;
    Keys seen;
    Keys loaded;
    std::size_t most = 100;
    void set_up_planner(StateDict& state_dict, const Metadata& metadata,
                        bool is_coordinator) override {
      seen = keys_of(state_dict);
      DefaultLoadPlanner::set_up_planner(state_dict, metadata, is_coordinator);
    }
    void load_bytes(const ReadItem& item, Value value) override {
      if (loaded.size() == most) throw Error(ErrorCode::io, "no more");
      loaded.push_back(item.dest_index.fqn);
      DefaultLoadPlanner::load_bytes(item, std::move(value));
    }
  };
  StateDict state{{"c", Map{{"z", 1}, {"y", 2}}}, {"a", 3}, {"b", List{Map{{"x", 4}}}}};
  save(state, {.checkpoint_id = "sorted.h5"});
  const auto make_wanted = [] {
    return StateDict{{"c", Map{{"z", 0}, {"y", 0}}}, {"a", 0}, {"b", List{Map{{"x", 0}}}}};
  };

  StateDict wanted = make_wanted();
  const Value* const top = &wanted.at("a");
  const Value* const nested = &std::get<Map>(wanted.at("c")).at("y");
  Listing planner;
  load(wanted, {.checkpoint_id = "sorted.h5", .planner = &planner});
  EXPECT_EQ(planner.seen, (Keys{"a", "b", "c"}));
  EXPECT_EQ(planner.loaded, (Keys{"a", "b.0.x", "c.z", "c.y"})) << "below, the order is its own";
  EXPECT_TRUE(wanted == state);
  EXPECT_EQ(keys_of(wanted), (Keys{"c", "a", "b"}));
  EXPECT_EQ(top, &wanted.at("a"));
  EXPECT_EQ(nested, &std::get<Map>(wanted.at("c")).at("y"));
  EXPECT_TRUE(*top == Value(3) && *nested == Value(2));

  StateDict half = make_wanted();
  Listing failing;
  failing.most = 2;
  test::expect_failed(
      test::failure_of([&] { load(half, {.checkpoint_id = "sorted.h5", .planner = &failing}); }),
      ErrorCode::io, "read", "no more");
  EXPECT_EQ(keys_of(half), (Keys{"c", "a", "b"}));
  EXPECT_TRUE(half == (StateDict{{"c", Map{{"z", 0}, {"y", 0}}}, {"a", 3}, {"b", state.at("b")}}));

  half["no such key"] = 0;
  test::expect_failed(test::failure_of([&] { load(half, {.checkpoint_id = "sorted.h5"}); }),
                      ErrorCode::not_found, "plan", "'no such key'");
  EXPECT_EQ(keys_of(half), (Keys{"c", "a", "b", "no such key"}));
  EXPECT_TRUE(half.at("a") == Value(3));
}

TEST_F(EntryPoints, KeysThatAPlannerAddsAreKept) {
  struct Adding : DefaultLoadPlanner {
    using DefaultLoadPlanner::DefaultLoadPlanner;
    void set_up_planner(StateDict& state_dict, const Metadata& metadata,
                        bool is_coordinator) override {
      state_dict["added"] = 0;
      DefaultLoadPlanner::set_up_planner(state_dict, metadata, is_coordinator);
    }
  };
  const StateDict state{{"b", 1}, {"added", 2}, {"a", 3}};
  StateDict saved = state;
  save(saved, {.checkpoint_id = "added.h5"});
  for (const bool sorted : {false, true}) {
    StateDict wanted = sorted ? StateDict{{"a", 0}, {"b", 0}} : StateDict{{"b", 0}, {"a", 0}};
    Adding planner;
    load(wanted, {.checkpoint_id = "added.h5", .planner = &planner});
    EXPECT_TRUE(wanted == state) << sorted;
  }
}

TEST_F(EntryPoints, MetadataWithoutLoading) {
  StateDict state = make_state(true);
  save(state, {.checkpoint_id = "metadata.h5"});
  const auto metadata = read_metadata({.checkpoint_id = "metadata.h5"});
  const auto& w = std::get<TensorStorageMetadata>(metadata.state_dict_metadata.at("model.w"));
  EXPECT_EQ(w.size, (Extents{6, 4}));
  EXPECT_EQ(w.properties.dtype, DType::float32);
  const auto& lr = std::get<BytesStorageMetadata>(metadata.state_dict_metadata.at("optim.lr"));
  EXPECT_EQ(lr.kind, EntryKind::scalar);
  EXPECT_EQ(metadata.planner_data.at("optim.steps.0.n"),
            (Path{"optim", "steps", std::int64_t{0}, "n"}));
  test::expect_failed(test::failure_of([] { read_metadata({.checkpoint_id = "no_such.h5"}); }),
                      ErrorCode::not_found, "plan", "no_such.h5");
}

TEST_F(EntryPoints, WithoutAStorage) {
  StateDict state = make_state(true);
  test::expect_failed(test::failure_of([&] { save(state, {}); }), ErrorCode::invalid_argument,
                      "plan", "no checkpoint id is given, and no storage");
  test::expect_failed(test::failure_of([&] { load(state, {}); }), ErrorCode::invalid_argument,
                      "plan", "no checkpoint id is given, and no storage");
  test::expect_failed(test::failure_of([&] { save(state, {.checkpoint_id = "s3://bucket/key"}); }),
                      ErrorCode::invalid_argument, "plan",
                      "save to 's3://bucket/key': no storage takes that checkpoint id (HDF5: it is "
                      "a URL, not a path)");
}

TEST_F(EntryPoints, WhatIsWrongOnOneRankAloneHoldsUpNobody) {
  StateDict state = make_state(true);
  const bool last = rank == size - 1;
  test::expect_failed(test::failure_of([&] {
                        save(state, {.checkpoint_id = last ? std::optional<std::string>()
                                                           : std::optional<std::string>("one.h5")});
                      }),
                      ErrorCode::invalid_argument, "plan", detected_by({size - 1}, size));
  EXPECT_FALSE(std::filesystem::exists("one.h5"));
}

TEST_F(EntryPoints, HolesInWhatAStorageHasAreAnError) {
  Metadata metadata;
  metadata.state_dict_metadata["w"] =
      TensorStorageMetadata{{DType::float32}, {8}, {{{0}, {3}}, {{4}, {4}}}};
  NullReader reader(metadata);
  StateDict state{{"w", allocate(DType::float32, {8})}};
  test::expect_failed(test::failure_of([&] { load(state, {.storage_reader = &reader}); }),
                      ErrorCode::corrupt, "plan",
                      "load 'w': the checkpoint's chunks do not have [3:4]");
}

TEST_F(EntryPoints, FailuresByRankHaveDcpsSteps) {
  struct Failing : DefaultSavePlanner {
    std::string hook;
    SavePlan finish_plan(SavePlan plan) override {
      if (hook == "finish_plan") throw Error(ErrorCode::io, "not today");
      return plan;
    }
  };
  Failing planner;
  if (rank != 0 || size == 1) planner.hook = "finish_plan";
  StateDict state = make_state(true);
  const auto failure =
      test::failure_of([&] { save(state, {.checkpoint_id = "failing.h5", .planner = &planner}); });
  test::expect_failed(failure, ErrorCode::io, "write", "not today");
  if (!failure) return;
  const auto failures = failure->failures();
  EXPECT_EQ(failures.size(), size == 1 ? 1U : static_cast<std::size_t>(size - 1));
  for (const auto& [failed, what] : failures) {
    EXPECT_EQ(what, (RankFailure{ErrorCode::io, "not today"})) << failed;
  }
}

}  // namespace
}  // namespace h5dcp
