// A save that repeats an earlier plan: what it costs, when it is not done, and that the file is the
// same either way.

#include "h5dcp/plan_cache.hpp"

#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/save.hpp"
#include "faulty_storage.hpp"
#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/null_storage.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "outcome.hpp"
#include "own_folder.hpp"
#include "sample_state.hpp"

// MPI's profiling interface counts what a save asks of it.
namespace {

struct Traffic {
  int allreduces = 0;
  int allreduce_bytes = 0;
  int broadcasts = 0;
  int broadcast_bytes = 0;
  int others = 0;
};
Traffic traffic;

int bytes_of(int count, MPI_Datatype type) {
  int size = 0;
  MPI_Type_size(type, &size);
  return count * size;
}

}  // namespace

extern "C" int MPI_Iallreduce(const void* in, void* out, int count, MPI_Datatype type, MPI_Op op,
                              MPI_Comm comm, MPI_Request* request) {
  traffic.allreduces += 1;
  traffic.allreduce_bytes += bytes_of(count, type);
  return PMPI_Iallreduce(in, out, count, type, op, comm, request);
}
extern "C" int MPI_Ibcast(void* data, int count, MPI_Datatype type, int root, MPI_Comm comm,
                          MPI_Request* request) {
  traffic.broadcasts += 1;
  traffic.broadcast_bytes += bytes_of(count, type);
  return PMPI_Ibcast(data, count, type, root, comm, request);
}
// The library knows no other way to send, and no other collective.
extern "C" int MPI_Issend(const void* data, int count, MPI_Datatype type, int to, int tag,
                          MPI_Comm comm, MPI_Request* request) {
  traffic.others += 1;
  return PMPI_Issend(data, count, type, to, tag, comm, request);
}
extern "C" int MPI_Isend(const void* data, int count, MPI_Datatype type, int to, int tag,
                         MPI_Comm comm, MPI_Request* request) {
  traffic.others += 1;
  return PMPI_Isend(data, count, type, to, tag, comm, request);
}
extern "C" int MPI_Ibarrier(MPI_Comm comm, MPI_Request* request) {
  traffic.others += 1;
  return PMPI_Ibarrier(comm, request);
}
extern "C" int MPI_Comm_idup(MPI_Comm comm, MPI_Comm* copy, MPI_Request* request) {
  traffic.others += 1;
  return PMPI_Comm_idup(comm, copy, request);
}

namespace h5dcp {
namespace {

namespace fs = std::filesystem;
using Failure = std::optional<CheckpointException>;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Map without(const Map& map, const std::string& key) {
  Map rest;
  for (const auto& [name, value] : map) {
    if (name != key) rest[name] = value;
  }
  return rest;
}

// How a save went.
struct Outcome {
  Failure failure;
  bool repeated = false;
  Report report;
  Traffic traffic;
};

class PlanCaches : public testing::Test {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    folder_ = test::own_folder();
    path_ = folder_ + "/good.h5";
  }

  bool is_last() const { return rank_ == size_ - 1; }

  // Tensors in all distributions; values that all ranks hold, that the first and the last hold, and
  // that each rank has for itself. `version` is in every one of them, none is longer for it.
  StateDict make_state(int version, int way = 0) const {
    StateDict state;
    for (const auto& sample : test::samples()) {
      const auto tensor = test::make_tensor(sample, way++, rank_, size_);
      test::fill(sample.fqn + std::to_string(version), tensor);
      state[sample.fqn] = tensor;
    }
    state["step"] = version;
    state["name"] = "version " + std::to_string(version);
    state["betas"] = List{0.5 * version, 0.25};
    state["nested"] = Map{{"raw", Bytes{static_cast<std::uint8_t>(version), 2}}, {"none", List{}}};
    if (rank_ == 0 || is_last()) state["ends"] = "ends " + std::to_string(version);
    const auto own = "own" + std::to_string(rank_);
    state[own] = Map{{"rng", "rng " + std::to_string(version)}, {"steps", List{version, 2, 3}}};
    const auto view = allocate(DType::float32, {6, 4});
    std::fill_n(static_cast<float*>(view.data), 24, static_cast<float>(version));
    std::get<Map>(state[own])["w"] = view;
    return state;
  }

  Outcome try_save(StateDict& state, SaveArguments arguments) const {
    const Comm connected(arguments.comm);
    Outcome outcome;
    traffic = {};
    outcome.failure = test::failure_of([&] {
      const auto result = save(state, arguments);
      outcome.repeated = result.repeated;
      outcome.report = result.report;
    });
    outcome.traffic = traffic;
    return outcome;
  }

  // A save to path_ that succeeds, of which all ranks say that it was a repetition, or was not.
  void expect_saved(StateDict& state, const SaveArguments& arguments, bool repeated,
                    const std::string& why) const {
    const auto outcome = try_save(state, arguments);
    EXPECT_EQ(test::text_of(outcome.failure), "success") << why;
    EXPECT_EQ(outcome.repeated, repeated) << why;
  }

  SaveArguments with(PlanCache& cache, const std::string& key = "") const {
    return {.checkpoint_id = path_, .plan_cache = &cache, .plan_cache_key = key};
  }

  // The checkpoint is sound, and nothing is beside it but others.
  void expect_sound(const std::string& path, const std::string& why) const {
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank_ == 0) {
      for (const auto& damage : verify_checkpoint(path)) {
        ADD_FAILURE() << why << ": " << to_string(damage);
      }
      for (const auto& entry : fs::directory_iterator(folder_)) {
        EXPECT_NE(entry.path().extension(), ".partial") << why << ": " << entry.path();
      }
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }

  // ... and it is make_state(version).
  void expect_version(const std::string& path, int version, const std::string& why) const {
    expect_sound(path, why);
    const StateDict wanted = make_state(version, 1);
    StateDict state = make_state(version + 1, 1);  // nothing of it may stay
    const auto failure = test::failure_of([&] { load(state, {.checkpoint_id = path}); });
    EXPECT_EQ(test::text_of(failure), "success") << why;
    for (const auto& sample : test::samples()) {
      EXPECT_EQ(test::wrong_elements(sample.fqn + std::to_string(version),
                                     std::get<ShardedTensor>(state.at(sample.fqn))),
                0U)
          << why << ": " << sample.fqn;
    }
    for (const auto* key : {"step", "name", "betas", "nested"}) {
      EXPECT_TRUE(state.at(key) == wanted.at(key)) << why << ": " << key;
    }
    if (rank_ == 0 || is_last()) {
      EXPECT_TRUE(state.at("ends") == wanted.at("ends")) << why;
    }
    const auto& own = std::get<Map>(state.at("own" + std::to_string(rank_)));
    const auto& wanted_own = std::get<Map>(wanted.at("own" + std::to_string(rank_)));
    EXPECT_TRUE(own.at("rng") == wanted_own.at("rng")) << why;
    EXPECT_TRUE(own.at("steps") == wanted_own.at("steps")) << why;
    const auto* numbers = static_cast<const float*>(std::get<TensorView>(own.at("w")).data);
    EXPECT_EQ(std::count(numbers, numbers + 24, static_cast<float>(version)), 24) << why;
  }

  int rank_ = 0;
  int size_ = 1;
  std::string folder_;
  std::string path_;
};

TEST_F(PlanCaches, ASteadySaveNegotiatesNothing) {
  PlanCache cache;
  EXPECT_EQ(cache.size(), 0U);
  for (int version = 1; version <= 4; ++version) {
    const auto why = "version " + std::to_string(version);
    const auto path = folder_ + "/step_" + std::to_string(version) + ".h5";
    auto arguments = with(cache);
    arguments.checkpoint_id = path;
    StateDict state = make_state(version);
    const auto outcome = try_save(state, arguments);
    EXPECT_EQ(test::text_of(outcome.failure), "success") << why;
    EXPECT_EQ(outcome.repeated, version > 1) << why;
    if (version > 1) {
      EXPECT_EQ(outcome.traffic.allreduces, 2) << why;
      EXPECT_EQ(outcome.traffic.allreduce_bytes, 2 * 168) << why;
      EXPECT_EQ(outcome.traffic.broadcasts, 1) << why;
      EXPECT_LE(outcome.traffic.broadcast_bytes, 64) << why;
      EXPECT_EQ(outcome.traffic.others, 0) << why;
    } else {
      EXPECT_GT(outcome.traffic.others, 0) << "or nothing is counted";
    }
    expect_version(path, version, why);
  }
  EXPECT_EQ(cache.size(), 1U);
}

TEST_F(PlanCaches, TheReportOfARepeatedSaveIsTheSameOnAllRanks) {
  PlanCache cache;
  std::vector<Report> reports;
  for (int version = 1; version <= 2; ++version) {
    StateDict state = make_state(version);
    reports.push_back(try_save(state, with(cache)).report);
  }
  const auto& report = reports.back();
  EXPECT_EQ(report.bytes, reports.front().bytes) << "as when it was planned";
  std::vector<std::string> names;
  for (const auto& phase : report.phases) {
    names.push_back(phase.name);
    EXPECT_GE(phase.min_seconds, 0) << phase.name;
    EXPECT_LE(phase.min_seconds, phase.mean_seconds * (1 + 1e-12)) << phase.name;
    EXPECT_LE(phase.mean_seconds, phase.max_seconds * (1 + 1e-12)) << phase.name;
    EXPECT_LT(phase.slowest_rank, size_) << phase.name;
    EXPECT_EQ(phase.bytes, phase.name == "write" ? report.bytes : 0U) << phase.name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"plan", "write", "sync", "commit"}));
  EXPECT_EQ(to_string(report), test::broadcast(MPI_COMM_WORLD, to_string(report)));
}

TEST_F(PlanCaches, TheNumberOfMessagesDoesNotDependOnTheTensors) {
  for (const int tensors : {1, 200}) {
    PlanCache cache;
    StateDict state;
    for (int i = 0; i < tensors; ++i) {
      const DeviceMesh mesh({size_});
      const Extents sizes{3 * size_, 5};
      const auto box = local_box(sizes, mesh, {Shard{0}}, rank_);
      state["w" + std::to_string(i)] =
          distribute(allocate(DType::float32, box.sizes), sizes, mesh, {Shard{0}}, rank_);
    }
    try_save(state, with(cache));
    const auto outcome = try_save(state, with(cache));
    EXPECT_TRUE(outcome.repeated);
    EXPECT_EQ(outcome.traffic.allreduces, 2);
    EXPECT_EQ(outcome.traffic.broadcasts, 1);
    EXPECT_EQ(outcome.traffic.others, 0);
  }
}

TEST_F(PlanCaches, WhatIsAnotherPlanOnOneRankIsPlannedAgainByAll) {
  struct Case {
    const char* why;
    std::function<void(Map& own)> change;  // what the last rank alone has
    bool again;
  };
  const auto shards = [](const std::vector<Box>& boxes) {
    ShardedTensor tensor{DType::float32, {6, 4}, {}};
    for (const auto& box : boxes) tensor.shards.push_back({box, allocate(tensor.dtype, box.sizes)});
    return tensor;
  };
  const Case cases[] = {
      {"nothing", [](Map&) {}, false},
      {"elements", [](Map& own) { *static_cast<float*>(std::get<TensorView>(own["w"]).data) = 77; },
       false},
      {"other memory",
       [](Map& own) {
         own["w"] = allocate(DType::float32, {6, 4});
       },
       false},
      {"a shape",
       [](Map& own) {
         own["w"] = allocate(DType::float32, {4, 6});
       },
       true},
      {"a dimension more",
       [](Map& own) {
         own["w"] = allocate(DType::float32, {6, 4, 1});
       },
       true},
      {"a dtype",
       [](Map& own) {
         own["w"] = allocate(DType::int32, {6, 4});
       },
       true},
      {"a piece for the whole",
       [&](Map& own) {
         own["w"] = shards({{{0, 0}, {6, 4}}});
       },
       true},
      {"boxes",
       [&](Map& own) {
         own["w"] = shards({{{0, 0}, {2, 4}}, {{2, 0}, {4, 4}}});
       },
       true},
      {"other boxes",
       [&](Map& own) {
         own["w"] = shards({{{0, 0}, {6, 3}}, {{0, 3}, {6, 1}}});
       },
       true},
      {"boxes in another order",
       [&](Map& own) {
         own["w"] = shards({{{0, 3}, {6, 1}}, {{0, 0}, {6, 3}}});
       },
       true},
      {"a value for a tensor", [](Map& own) { own["w"] = 4; }, true},
      {"another value of its type", [](Map& own) { own["w"] = 5; }, false},
      {"the type of a value", [](Map& own) { own["w"] = 5.0; }, true},
      {"the length of a list",
       [](Map& own) {
         own["steps"] = List{1, 2};
       },
       true},
      {"the type of a list",
       [](Map& own) {
         own["steps"] = List{1.0, 2.0};
       },
       true},
      {"a shorter text", [](Map& own) { own["rng"] = ""; }, false},
      {"a longer text", [](Map& own) { own["rng"] = std::string(60, 'x'); }, false},
      {"a text that has outgrown its place", [](Map& own) { own["rng"] = std::string(70, 'x'); },
       true},
      {"one that has room now", [](Map& own) { own["rng"] = std::string(100, 'y'); }, false},
      {"bytes for a text",
       [](Map& own) {
         own["rng"] = Bytes{1, 2, 3};
       },
       true},
      {"a key more", [](Map& own) { own["more"] = 1; }, true},
      {"a key less", [](Map& own) { own = without(own, "more"); }, true},
      {"another key",
       [](Map& own) {
         own["other"] = own.at("w");
         own = without(own, "w");
       },
       true},
      {"the order of the keys",
       [](Map& own) {
         const Map before = own;
         own = Map{};
         std::vector<std::pair<std::string, Value>> all(before.begin(), before.end());
         for (auto at = all.rbegin(); at != all.rend(); ++at) own[at->first] = at->second;
       },
       true},
      {"nothing, at last", [](Map&) {}, false},
  };
  PlanCache cache;
  StateDict state = make_state(1);
  expect_saved(state, with(cache), false, "the first");
  auto& own = std::get<Map>(state["own" + std::to_string(rank_)]);
  for (const auto& c : cases) {
    if (is_last()) c.change(own);
    expect_saved(state, with(cache), !c.again, c.why);
    expect_sound(path_, c.why);
    StateDict loaded{{"own" + std::to_string(rank_), own}};
    auto& found = std::get<Map>(loaded.begin()->second);
    for (auto& [key, value] : found) {
      if (std::holds_alternative<TensorView>(value)) {
        const auto& view = std::get<TensorView>(value);
        value = allocate(view.dtype, view.sizes);
      } else if (std::holds_alternative<ShardedTensor>(value)) {
        value = allocate(DType::float32, {6, 4});
      } else {
        value = Value();
      }
    }
    const auto failure = test::failure_of([&] { load(loaded, {.checkpoint_id = path_}); });
    EXPECT_EQ(test::text_of(failure), "success") << c.why;
    for (const auto& [key, value] : own) {
      const auto& read = found.at(key);
      if (const auto* view = std::get_if<TensorView>(&value)) {
        EXPECT_EQ(std::memcmp(view->data, std::get<TensorView>(read).data,
                              static_cast<std::size_t>(nbytes(view->dtype, view->sizes))),
                  0)
            << c.why << ": " << key;
      } else if (!std::holds_alternative<ShardedTensor>(value)) {
        EXPECT_TRUE(read == value) << c.why << ": " << key;
      }
    }
  }
}

TEST_F(PlanCaches, TransformedValuesMayChangeWithinTheirPlaces) {
  PlanCache cache;
  const std::string random = "8fG2kQ0zX7vB1nM5tR9yLcJhWdPsAeUi";
  struct Case {
    std::string text;
    bool repeated;
  };
  const Case cases[] = {{std::string(3000, 'a'), false},
                        {std::string(2000, 'b'), true},  // it is short once it is compressed
                        {random + random.substr(5) + "!" + random.substr(9), false}};
  for (const auto& c : cases) {
    DefaultSavePlanner planner({.stream_transforms = {std::make_shared<const ZStandard>()}});
    auto arguments = with(cache);
    arguments.planner = &planner;
    StateDict state{{"text", c.text}};
    expect_saved(state, arguments, c.repeated, c.text);
    expect_sound(path_, c.text);
    StateDict loaded{{"text", ""}};
    const auto failure = test::failure_of([&] { load(loaded, {.checkpoint_id = path_}); });
    EXPECT_EQ(test::text_of(failure), "success") << c.text;
    EXPECT_TRUE(loaded.at("text") == state.at("text")) << c.text;
  }
}

TEST_F(PlanCaches, OtherRanksAreAnotherPlan) {
  PlanCache cache;
  StateDict state = make_state(1);
  expect_saved(state, with(cache), false, "the first");
  // Each rank for itself: the number of ranks, and its own, are others.
  const auto own_path = folder_ + "/own" + std::to_string(rank_) + ".h5";
  StateDict own{{"w", allocate(DType::float32, {3})}};
  auto alone = with(cache, "alone");
  alone.checkpoint_id = own_path;
  alone.no_dist = true;
  expect_saved(own, alone, false, "alone");
  expect_saved(own, alone, true, "alone again");
  // The same state and key, but all ranks together hold it.
  auto together = with(cache, "alone");
  for (const bool repeated : {size_ == 1, true}) {  // one rank is the same as alone
    expect_saved(own, together, repeated, "together");
    expect_sound(path_, "together");
  }
  expect_saved(own, alone, size_ == 1, "alone after all");

  // Pairs of ranks, and then the first of each pair with the second of another: each has the rank
  // and the number of ranks that it had.
  if (size_ < 4) return;
  MPI_Comm pairs = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, rank_ < 4 ? rank_ / 2 : 2 + rank_, rank_, &pairs);
  MPI_Comm crossed = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, rank_ == 0 || rank_ == 3 ? 0 : 1 + rank_, rank_, &crossed);
  auto of_pairs = with(cache, "pairs");
  of_pairs.comm = pairs;
  of_pairs.checkpoint_id = own_path;
  if (rank_ < 4) of_pairs.checkpoint_id = folder_ + "/pair" + std::to_string(rank_ / 2) + ".h5";
  expect_saved(own, of_pairs, false, "pairs");
  expect_saved(own, of_pairs, true, "pairs again");
  of_pairs.comm = crossed;
  if (rank_ == 0 || rank_ == 3) {
    of_pairs.checkpoint_id = folder_ + "/crossed.h5";
    expect_saved(own, of_pairs, false, "crossed pairs");
  }
  MPI_Comm_free(&pairs);
  MPI_Comm_free(&crossed);
  expect_sound(folder_ + "/crossed.h5", "crossed pairs");
}

TEST_F(PlanCaches, AnotherCoordinatorIsAnotherPlan) {
  const Comm comm(MPI_COMM_WORLD);
  PlanCache cache;
  StateDict state = make_state(1);
  for (int coordinator = 0; coordinator < size_; ++coordinator) {
    for (const bool repeated : {false, true}) {
      const auto why = "coordinator " + std::to_string(coordinator);
      std::optional<SaveResult> result;
      const auto failure = test::failure_of(
          [&] { result = save_on(comm.with_coordinator(coordinator), state, with(cache)); });
      EXPECT_EQ(test::text_of(failure), "success") << why;
      EXPECT_TRUE(result && result->repeated == repeated) << why;
      expect_version(path_, 1, why);
    }
  }
}

class DerivedPlanner : public DefaultSavePlanner {
 public:
  using DefaultSavePlanner::DefaultSavePlanner;
};

TEST_F(PlanCaches, AnotherPlannerOnOneRankIsAnotherPlan) {
  PlanCache cache;
  StateDict state = make_state(1);
  const auto expect = [&](SavePlanner& planner, bool repeated, const std::string& why) {
    auto arguments = with(cache);
    DefaultSavePlanner usual({.replicas = Replicas::lowest_rank});
    arguments.planner = is_last() ? &planner : &usual;
    expect_saved(state, arguments, repeated, why);
    expect_version(path_, 1, why);
  };
  DefaultSavePlanner split;
  DefaultSavePlanner lowest({.replicas = Replicas::lowest_rank});
  DefaultSavePlanner flat({.flatten_state_dict = true, .replicas = Replicas::lowest_rank});
  DerivedPlanner derived({.replicas = Replicas::lowest_rank});
  expect(lowest, false, "the first");
  expect(split, false, "replicas");
  expect(lowest, false, "as before");
  expect(flat, true, "another object with these options");
  expect(derived, false, "class");
  expect(derived, true, "that again");
}

// A repeated save compares replicas without a message of its own; if they differ, all plan again
// and name the ranks.
TEST_F(PlanCaches, ReplicasThatDifferAreFoundInARepeatedSave) {
  for (const auto replicas : {Replicas::split, Replicas::compare, Replicas::lowest_rank}) {
    const auto why = "replicas " + std::to_string(static_cast<int>(replicas));
    PlanCache cache;
    DefaultSavePlanner planner({.replicas = replicas});
    // One that is written in slices by all of its holders, a small one, and one of the ends.
    const auto large = allocate(DType::uint8, {4 << 20});
    const auto small = allocate(DType::float32, {7});
    const auto ends = allocate(DType::int32, {2});
    StateDict state{{"large", large}, {"small", small}};
    if (rank_ == 0 || is_last()) state["ends"] = ends;
    auto arguments = with(cache);
    arguments.planner = &planner;
    expect_saved(state, arguments, false, why);
    static_cast<float*>(small.data)[3] = 5;  // on all ranks
    expect_saved(state, arguments, true, why);
    const auto differ = [&](const TensorView& view, const std::string& fqn) {
      auto* const bytes = static_cast<std::uint8_t*>(view.data);
      const auto size = static_cast<std::size_t>(nbytes(view.dtype, view.sizes));
      if (is_last()) std::fill_n(bytes, size, std::uint8_t{1});
      const auto outcome = try_save(state, arguments);
      if (size_ == 1 || replicas == Replicas::lowest_rank) {
        EXPECT_EQ(test::text_of(outcome.failure), "success") << why << fqn;
        EXPECT_TRUE(outcome.repeated) << why << fqn;
      } else {
        test::expect_failed(outcome.failure, ErrorCode::invalid_argument, "plan",
                            "save '" + fqn + "': in [0:");
        EXPECT_EQ(cache.size(), 0U) << "a failed save forgets its plan";
      }
      if (is_last()) std::fill_n(bytes, size, std::uint8_t{0});
      if (!is_last() && fqn == "small") std::fill_n(bytes, size, std::uint8_t{0});
      expect_saved(state, arguments, cache.size() == 1, why + fqn);
    };
    differ(small, "small");
    differ(large, "large");
    differ(ends, "ends");
  }
}

TEST_F(PlanCaches, PlannersThatLookAtMoreAlwaysPlan) {
  PlanCache cache;
  StateDict state = make_state(1);
  DefaultSavePlanner least({.replicas = Replicas::least_loaded});
  GlobalSavePlanner global;
  for (SavePlanner* planner : std::vector<SavePlanner*>{&least, &global}) {
    for (int i = 0; i < 2; ++i) {
      auto arguments = with(cache);
      arguments.planner = planner;
      expect_saved(state, arguments, false, "a planner that looks at more");
      expect_version(path_, 1, "a planner that looks at more");
    }
  }
  EXPECT_EQ(cache.size(), 0U);
}

class DerivedWriter : public Hdf5Writer {
 public:
  using Hdf5Writer::Hdf5Writer;
};

// By DCP's contract, and drops everything.
class CoordinatedWriter : public StorageWriter {
 public:
  void reset(const std::optional<std::string>& /*checkpoint_id*/) override {}
  void set_up_storage_writer(bool /*is_coordinator*/) override {}
  std::vector<WriteResult> write_data(const SavePlan& plan, SavePlanner& /*planner*/) override {
    std::vector<WriteResult> results;
    for (const auto& item : plan.items) results.push_back({item.index});
    return results;
  }
  void finish(const Metadata& /*metadata*/,
              const std::vector<std::vector<WriteResult>>& /*results*/) override {}
};

TEST_F(PlanCaches, WritersThatCannotRepeatAlwaysLayOut) {
  PlanCache cache;
  StateDict state = make_state(1);
  Hdf5Writer direct(path_);
  Hdf5Writer collective(path_, {.transfer = Transfer::collective});
  DerivedWriter derived(path_);
  test::FaultyWriter wrapped(direct, test::kNever);
  NullWriter null;
  CoordinatedWriter coordinated;
  for (StorageWriterBase* writer :
       std::vector<StorageWriterBase*>{&collective, &derived, &wrapped, &null, &coordinated}) {
    for (int i = 0; i < 2; ++i) {
      auto arguments = with(cache);
      arguments.storage_writer = writer;
      expect_saved(state, arguments, false, "a writer that cannot repeat");
    }
  }
  EXPECT_EQ(cache.size(), 0U);
  expect_version(path_, 1, "a writer that cannot repeat");

  // The plan that is there waits for a writer that can.
  const auto expect = [&](StorageWriterBase& writer, bool repeated, const std::string& why) {
    auto arguments = with(cache);
    arguments.storage_writer = &writer;
    expect_saved(state, arguments, repeated, why);
    expect_version(path_, 1, why);
  };
  expect(direct, false, "direct");
  expect(direct, true, "direct again");
  expect(collective, false, "collective");
  expect(direct, true, "direct after that");
  Hdf5Writer small_pieces(path_, {.piece_bytes = 4096});
  expect(small_pieces, true, "other pieces, which do not reach the file");
}

// A rank that moves its data in another way, or to other places, must not do so by the plan of
// then.
TEST_F(PlanCaches, OtherOptionsAreAnotherPlan) {
  struct Case {
    const char* name;
    std::function<void(Hdf5Options& options)> change;
    bool must_agree;  // all ranks
    bool same_plan;
  };
  const Case cases[] = {
      {"transfer", [](auto& options) { options.transfer = Transfer::aggregated; }, true, false},
      {"transfer", [](auto& options) { options.transfer = Transfer::collective; }, true, false},
      {"filters", [](auto& options) { options.filters.shuffle = true; }, true, false},
      {"checksums", [](auto& options) { options.checksums = false; }, true, false},
      {"files", [](auto& options) { options.files = Files::number(2); }, true, false},
      {"layout", [](auto& options) { options.layout = Layout::chunk_per_shard; }, true, false},
      {"alignment", [](auto& options) { options.alignment = 65536; }, false, false},
      {"striping", [](auto& options) { options.striping.bytes = 65536; }, false, false},
      {"hints",
       [](auto& options) {
         options.hints = {{"cb_nodes", "1"}};
       },
       false, true},
      {"piece_bytes", [](auto& options) { options.piece_bytes = 8192; }, false, true}};
  for (const auto& c : cases) {
    const auto try_with = [&](PlanCache& cache, int version, bool changed) {
      Hdf5Options options{.transfer = Transfer::direct};
      if (changed) c.change(options);
      Hdf5Writer writer(path_, options);
      auto arguments = with(cache);
      arguments.storage_writer = &writer;
      StateDict state = make_state(version);
      return try_save(state, arguments);
    };
    PlanCache cache;
    EXPECT_FALSE(try_with(cache, 1, false).repeated) << c.name;
    EXPECT_TRUE(try_with(cache, 2, false).repeated) << c.name;
    const auto of_one = try_with(cache, 3, is_last());
    EXPECT_EQ(of_one.failure.has_value(), c.must_agree && size_ > 1) << c.name;
    EXPECT_EQ(of_one.repeated, c.same_plan && !of_one.failure) << c.name;
    test::expect_same(MPI_COMM_WORLD, of_one.failure, c.name);
    if (of_one.failure) {
      const std::string what = of_one.failure->what();
      EXPECT_NE(what.find(std::string("Hdf5Options::") + c.name + " is '"), what.npos) << what;
      EXPECT_EQ(of_one.failure->failed_ranks(), std::vector<int>{size_ - 1}) << what;
      expect_version(path_, 2, c.name);
      continue;
    }
    expect_version(path_, 3, c.name);
    const auto of_all = try_with(cache, 4, true);
    EXPECT_EQ(test::text_of(of_all.failure), "success") << c.name;
    Hdf5Options changed;
    c.change(changed);
    const bool can_repeat = changed.transfer != Transfer::collective && !changed.filters.any() &&
                            changed.files.way == Files::Way::one;
    EXPECT_EQ(of_all.repeated, c.same_plan || (size_ == 1 && can_repeat)) << c.name;
    expect_version(path_, 4, c.name);
  }
}

TEST_F(PlanCaches, AModelAndItsAverageAlternate) {
  PlanCache cache;
  for (int version = 1; version <= 3; ++version) {
    for (const std::string key : {"model", "ema"}) {
      StateDict state = make_state(version);
      if (key == "ema") state["ema"] = true;
      auto arguments = with(cache, key);
      arguments.checkpoint_id = folder_ + "/" + key + ".h5";
      expect_saved(state, arguments, version > 1, key);
      expect_version(*arguments.checkpoint_id, version, key);
    }
  }
  EXPECT_EQ(cache.size(), 2U);
}

TEST_F(PlanCaches, RanksThatDoNotRememberTheSameSavePlanAgain) {
  PlanCache cache;
  StateDict state = make_state(1);
  expect_saved(state, with(cache), false, "the first");
  if (is_last()) cache.clear();
  expect_saved(state, with(cache), false, "one has forgotten");
  expect_saved(state, with(cache), true, "all have learnt");

  expect_saved(state, with(cache, is_last() ? "b" : "a"), false, "other keys");
  expect_saved(state, with(cache, is_last() ? "b" : "a"), true, "the same others");
  // Both have a plan under that key, of other saves.
  expect_saved(state, with(cache, is_last() ? "" : "a"), size_ == 1, "plans of different saves");

  SaveArguments arguments = with(cache);
  if (is_last()) arguments.plan_cache = nullptr;
  expect_saved(state, arguments, false, "one has no cache");
  PlanCache moved = std::move(cache);
  expect_saved(state, with(moved, "b"), size_ == 1, "");
  expect_version(path_, 1, "");
}

TEST_F(PlanCaches, RanksThatDisagreeOnAValueAreAnErrorAsEver) {
  for (const std::string key : {"step", "name", "betas", "ends"}) {
    if (size_ == 1) continue;
    PlanCache cache;
    StateDict state = make_state(1);
    expect_saved(state, with(cache), false, key);
    expect_saved(state, with(cache), true, key);
    StateDict other = make_state(2);
    if (is_last()) other[key] = make_state(3).at(key);
    const auto planned = try_save(other, {.checkpoint_id = folder_ + "/planned.h5"});
    const auto outcome = try_save(other, with(cache));
    test::expect_same(MPI_COMM_WORLD, outcome.failure, key);
    EXPECT_EQ(test::text_of(outcome.failure), test::text_of(planned.failure)) << key;
    if (outcome.failure) {
      const std::string what = outcome.failure->what();
      EXPECT_NE(what.find("save '" + key + "'"), what.npos) << what;
      EXPECT_NE(what.find("hold different values"), what.npos) << what;
    }
    EXPECT_EQ(cache.size(), 0U) << key;
    expect_version(path_, 1, key);
    StateDict next = make_state(4);
    expect_saved(next, with(cache), false, key);
    expect_version(path_, 4, key);
  }
}

TEST_F(PlanCaches, AFailureOnOneRankIsTheSameOnAllAndForgetsThePlan) {
  const char* hooks[] = {"set_up_planner", "create_local_plan", "finish_plan", "resolve_data"};
  int version = 1;
  PlanCache cache;
  const auto save_next = [&](bool repeated, SavePlanner& planner, const std::string& why) {
    StateDict state = make_state(++version);
    auto arguments = with(cache);
    arguments.planner = &planner;
    expect_saved(state, arguments, repeated, why);
    if (!repeated) expect_version(path_, version, why);
  };
  for (const auto* hook : hooks) {
    for (const int faulty : std::set<int>{0, size_ / 2, size_ - 1}) {
      const auto why = std::string(hook) + " on rank " + std::to_string(faulty);
      test::FaultySavePlanner sound({});
      save_next(false, sound, why);
      save_next(true, sound, why);
      test::FaultySavePlanner planner({rank_ == faulty ? hook : "", 0});
      StateDict state = make_state(version + 1);
      auto arguments = with(cache);
      arguments.planner = &planner;
      const auto outcome = try_save(state, arguments);
      test::expect_same(MPI_COMM_WORLD, outcome.failure, why);
      EXPECT_TRUE(outcome.failure) << why;
      if (outcome.failure) {
        const bool planning = hook != hooks[2] && hook != hooks[3];
        EXPECT_EQ(outcome.failure->failed_ranks(), std::vector{faulty}) << why;
        EXPECT_EQ(outcome.failure->step(), planning ? "plan" : "write") << why;
        const std::string what = outcome.failure->what();
        EXPECT_TRUE(what.starts_with(planning ? "plan: " : "write to '" + path_ + "': ")) << what;
        EXPECT_NE(what.find(std::string("planned fault in ") + hook), what.npos) << what;
      }
      EXPECT_EQ(cache.size(), 0U) << why;
      expect_version(path_, version, why);
    }
  }
}

TEST_F(PlanCaches, AnExistingCheckpointIsNotReplacedIfThatIsRefused) {
  PlanCache cache;
  const auto save_to = [&](const std::string& path, const std::function<void()>& call) {
    Hdf5Writer writer(path, {.overwrite = Overwrite::refuse});
    test::CallingPlanner planner(call);
    auto arguments = with(cache);
    arguments.checkpoint_id = std::nullopt;
    arguments.storage_writer = &writer;
    arguments.planner = &planner;
    StateDict state = make_state(1);
    return try_save(state, arguments);
  };
  const auto expect_refused = [&](const std::string& path, const std::function<void()>& call) {
    const auto outcome = save_to(path, call);
    test::expect_same(MPI_COMM_WORLD, outcome.failure, path);
    EXPECT_TRUE(outcome.failure) << path;
    if (!outcome.failure) return;
    EXPECT_EQ(outcome.failure->code(), ErrorCode::invalid_argument);
    EXPECT_EQ(outcome.failure->failed_ranks(), std::vector{0});
    const std::string what = outcome.failure->what();
    EXPECT_NE(what.find("'" + path + "' exists"), what.npos) << what;
    EXPECT_EQ(what.starts_with(call ? "commit '" : "plan: create '"), true) << what;
    EXPECT_EQ(cache.size(), 0U);
  };
  const auto first = folder_ + "/1.h5";
  EXPECT_FALSE(save_to(first, nullptr).failure);
  EXPECT_TRUE(save_to(folder_ + "/2.h5", nullptr).repeated);
  expect_refused(first, nullptr);
  expect_version(first, 1, "it is there");

  EXPECT_FALSE(save_to(folder_ + "/3.h5", nullptr).repeated);
  const auto raced = folder_ + "/raced.h5";
  expect_refused(raced, [&] {
    if (rank_ == 0) std::ofstream(raced) << "not ours";
  });
  MPI_Barrier(MPI_COMM_WORLD);
  EXPECT_EQ(read_file(raced), "not ours");

  EXPECT_FALSE(save_to(folder_ + "/4.h5", nullptr).repeated);
  EXPECT_TRUE(save_to(folder_ + "/5.h5", nullptr).repeated);
  expect_version(folder_ + "/5.h5", 1, "after all");
}

TEST_F(PlanCaches, EqualStatesAreEqualFilesButForTheRecord) {
  constexpr std::size_t kRecord = 4096;
  PlanCache cache;
  for (int version = 1; version <= 3; ++version) {
    StateDict state = make_state(version);
    const auto planned = folder_ + "/planned.h5";
    expect_saved(state, {.checkpoint_id = planned}, false, "planned");
    expect_saved(state, with(cache), version > 1, "from the cache");
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank_ == 0) {
      auto one = read_file(planned);
      auto other = read_file(path_);
      EXPECT_EQ(one.size(), other.size());
      EXPECT_GT(one.size(), kRecord);
      EXPECT_TRUE(std::equal(one.begin() + kRecord, one.end(), other.begin() + kRecord))
          << "version " << version;
      // Of the record generation and time differ, and its hash.
      for (auto* bytes : {&one, &other}) {
        std::fill_n(bytes->begin() + 16, 16, '\0');
        std::fill_n(bytes->begin() + kRecord - 8, 8, '\0');
      }
      EXPECT_TRUE(one == other) << "version " << version;
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }
}

}  // namespace
}  // namespace h5dcp
