// What fails on one rank fails alike on all, says what is wrong, and harms nothing.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <mpi.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "base/checksum.hpp"
#include "base/rank_list.hpp"
#include "faulty_storage.hpp"
#include "file_limit.hpp"
#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/null_storage.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "outcome.hpp"
#include "own_folder.hpp"
#include "sample_state.hpp"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;
using Failure = std::optional<CheckpointException>;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

// Three tensors, each distributed in another way, and two values.
StateDict make_state(int way, int rank, int size, bool filled) {
  const std::vector<test::Sample> samples{{"w", DType::float32, {37, 29}},
                                          {"deep.cube", DType::bfloat16, {5, 11, 13}},
                                          {"v", DType::float64, {101}}};
  StateDict state;
  for (const auto& sample : samples) {
    const auto tensor = test::make_tensor(sample, way++, rank, size);
    if (filled) test::fill(sample.fqn, tensor);
    state[sample.fqn] = tensor;
  }
  state["step"] = filled ? 17 : 0;
  state["name"] = filled ? "good" : "";
  return state;
}

ShardedTensor pieces(const std::vector<Box>& boxes, DType dtype = DType::float32,
                     const Extents& sizes = {8}) {
  ShardedTensor tensor{dtype, sizes, {}};
  for (const auto& box : boxes) tensor.shards.push_back({box, allocate(dtype, box.sizes)});
  return tensor;
}

// Each test begins with a good checkpoint. Whatever it does, this must still be there at its end,
// nothing else, and the communicator must be good for another save and load.
class Errors : public testing::TestWithParam<Transfer> {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    folder_ = test::own_folder();
    path_ = folder_ + "/good.h5";
    EXPECT_FALSE(try_save(path_));
    if (rank_ == 0) bytes_ = read_file(path_);
  }

  void TearDown() override {
    expect_intact("at the end");
    expect_loads(path_);
    const auto other = folder_ + "/other.h5";
    EXPECT_FALSE(try_save(other));
    expect_loads(other);
  }

  Hdf5Options options() const { return {.transfer = GetParam(), .piece_bytes = 2048}; }

  bool is_last() const { return rank_ == size_ - 1; }

  Failure try_save(const std::string& path, StateDict& state, SavePlanner* planner = nullptr) {
    Hdf5Writer writer(path, options());
    return test::failure_of([&] { save(state, {.storage_writer = &writer, .planner = planner}); });
  }
  Failure try_save(const std::string& path, SavePlanner* planner = nullptr) {
    StateDict state = make_state(0, rank_, size_, true);
    return try_save(path, state, planner);
  }

  Failure try_load(const std::string& path, StateDict& state, LoadPlanner* planner = nullptr) {
    Hdf5Reader reader(path, options());
    return test::failure_of([&] { load(state, {.storage_reader = &reader, .planner = planner}); });
  }
  Failure try_load(const std::string& path, LoadPlanner* planner = nullptr) {
    StateDict state = make_state(1, rank_, size_, false);
    return try_load(path, state, planner);
  }

  void expect_loads(const std::string& path) {
    StateDict state = make_state(2, rank_, size_, false);
    EXPECT_EQ(test::text_of(try_load(path, state)), "success");
    EXPECT_EQ(test::wrong_tensors(state), "");
    EXPECT_TRUE(state["step"] == Value(17) && state["name"] == Value("good"));
    if (rank_ != 0) return;
    for (const auto& damage : verify_checkpoint(path)) ADD_FAILURE() << to_string(damage);
  }

  // The good checkpoint is what it was, and no unfinished file is beside it.
  void expect_intact(const std::string& why) {
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank_ != 0) return;
    EXPECT_TRUE(read_file(path_) == bytes_) << why;
    expect_no_partial(folder_, why);
  }

  static void expect_no_partial(const std::string& folder, const std::string& why) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      EXPECT_NE(entry.path().extension(), ".partial") << why << ": " << entry.path();
    }
  }

  // "{last}" in `says` is the last rank, "{by last}" and "{by 0}" say which rank detected it.
  void expect_failed(const Failure& failure, const std::string& why, ErrorCode code,
                     const std::vector<std::string>& says) {
    test::expect_same(MPI_COMM_WORLD, failure, why);
    expect_intact(why);
    EXPECT_TRUE(failure) << why << ": no error";
    if (!failure) return;
    EXPECT_EQ(failure->code(), code) << why << ": " << failure->what();
    for (auto words : says) {
      replace(words, "{last}", std::to_string(size_ - 1));
      replace(words, "{by last}", detected_by({size_ - 1}, size_));
      replace(words, "{by 0}", detected_by({0}, size_));
      EXPECT_NE(std::string(failure->what()).find(words), std::string::npos)
          << why << ": '" << words << "' is not in: " << failure->what();
    }
  }

  // A planned fault on rank `faulty` is what the failure is about, and all that it is about.
  void expect_planned(const Failure& failure, const std::string& why, int faulty,
                      const std::string& where) {
    expect_failed(failure, why, ErrorCode::io,
                  {"planned fault " + where, detected_by({faulty}, size_)});
    if (failure) {
      EXPECT_EQ(failure->failed_ranks(), std::vector<int>{faulty}) << why;
    }
  }

  static void replace(std::string& text, const std::string& from, const std::string& to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from)) {
      text.replace(at, from.size(), to);
    }
  }

  int rank_ = 0;
  int size_ = 1;
  std::string folder_;
  std::string path_;
  std::string bytes_;  // of the good checkpoint, on rank 0
};

TEST_P(Errors, StatesThatCannotBeSaved) {
  struct Case {
    const char* why;
    int ranks;                             // the fewest that can do this
    std::function<StateDict(bool)> state;  // of the last rank, and of the others
    ErrorCode code;
    std::vector<std::string> says;
  };
  const auto wrong = ErrorCode::invalid_argument;
  const Case cases[] = {
      {"one name twice, by nesting",
       1,
       [](bool last) {
         StateDict state{{"a", Map{{"b", 1}}}};
         if (last) state["a.b"] = 1;
         return state;
       },
       wrong,
       {"['a']['b'] and ['a.b'] have the same name 'a.b'", "{by last}"}},
      {"a name that is no text",
       1,
       [](bool last) {
         return StateDict{{last ? "\xFF" : "a", 1}};
       },
       wrong,
       {"not UTF-8", "{by last}"}},
      {"a box that is not in the tensor",
       1,
       [](bool last) {
         return StateDict{{"w", pieces({{{last ? 6 : 0}, {4}}})}};
       },
       wrong,
       {"save 'w'", "offsets [6], sizes [4]", "not inside [8]", "{by last}"}},
      {"a view that is not of the box's size",
       1,
       [](bool) {
         auto tensor = pieces({{{0}, {8}}});
         tensor.shards[0].view = allocate(DType::float32, {7});
         return StateDict{{"w", tensor}};
       },
       wrong,
       {"save 'w'", "[0:8]", "a view of [7]"}},
      {"a tensor without memory",
       1,
       [](bool) {
         return StateDict{{"w", contiguous_view(nullptr, DType::float32, {3})}};
       },
       wrong,
       {"save 'w'", "[3]", "without memory"}},
      {"lists in each other without end",
       1,
       [](bool) {
         Value value = List{};
         for (int i = 0; i < 300; ++i) value = List{value};
         return StateDict{{"deep", value}};
       },
       ErrorCode::unsupported,
       {"save 'deep'", "nested"}},
      {"overlap",
       1,
       [this](bool last) {
         if (size_ == 1) return StateDict{{"w", pieces({{{0}, {5}}, {{4}, {4}}})}};
         return StateDict{{"w", pieces({last ? Box{{4}, {4}} : Box{{0}, {5}}})}};
       },
       wrong,
       {"save 'w'", "[0:5]", "[4:8]", "overlap", "rank {last}"}},
      {"hole",
       1,
       [](bool) {
         return StateDict{{"w", pieces({{{0}, {4}}, {{6}, {2}}})}};
       },
       wrong,
       {"save 'w'", "no rank has [4:6] of [8]"}},
      {"other dtypes",
       2,
       [](bool last) {
         return StateDict{{"w", allocate(last ? DType::float64 : DType::float32, {8})}};
       },
       wrong,
       {"save 'w'", "[8] float32", "rank {last} has [8] float64"}},
      {"other sizes",
       2,
       [](bool last) {
         return StateDict{{"w", allocate(DType::float32, {last ? 7 : 8})}};
       },
       wrong,
       {"save 'w'", "[8] float32", "rank {last} has [7] float32"}},
      {"other values",
       2,
       [](bool last) {
         return StateDict{{"lr", last ? 0.1 : 0.2}};
       },
       wrong,
       {"save 'lr'", "rank {last} hold different values"}},
      {"a tensor here, a value there",
       2,
       [](bool last) {
         return StateDict{{"w", last ? Value(1) : Value(allocate(DType::float32, {8}))}};
       },
       wrong,
       {"save 'w'", "[8] float32", "rank {last} has a plain value"}},
  };
  for (const auto& c : cases) {
    if (size_ < c.ranks) continue;
    StateDict state = c.state(is_last());
    const auto failure = try_save(path_, state);
    expect_failed(failure, c.why, c.code, c.says);
  }
}

TEST_P(Errors, StatesThatCannotBeLoaded) {
  StateDict saved{
      {"w", allocate(DType::float32, {8})}, {"z", allocate(DType::complex64, {2})}, {"step", 1}};
  const auto path = folder_ + "/other.h5";
  EXPECT_FALSE(try_save(path, saved));
  struct Case {
    const char* why;
    std::function<StateDict()> state;  // of the last rank; the others want what there is
    ErrorCode code;
    std::vector<std::string> says;
  };
  const auto wrong = ErrorCode::invalid_argument;
  const Case cases[] = {
      {"missing keys",
       [] {
         return StateDict{{"stop", 1}, {"w", allocate(DType::float32, {8})}};
       },
       ErrorCode::not_found,
       {"load: 1 key of the state dict is not in the checkpoint", "'stop' (nearest: 'step')"}},
      {"wrong shape",
       [] {
         return StateDict{{"w", allocate(DType::float32, {2, 4})}};
       },
       wrong,
       {"load 'w'", "the checkpoint holds [8] float32", "wants [2, 4] float32"}},
      {"complex to real",
       [] {
         return StateDict{{"z", allocate(DType::float32, {2})}};
       },
       ErrorCode::unsupported,
       {"load 'z'", "complex64", "float32"}},
      {"a tensor there, a value here",
       [] {
         return StateDict{{"w", 1}};
       },
       wrong,
       {"load 'w'", "[8] float32", "a plain value"}},
      {"a box that is not in the tensor",
       [] {
         return StateDict{{"w", pieces({{{6}, {4}}})}};
       },
       wrong,
       {"load 'w'", "offsets [6], sizes [4]", "not inside [8]"}},
      {"an expanded tensor",
       [] {
         auto view = allocate(DType::float32, {8});
         view.strides = {0};
         return StateDict{{"w", view}};
       },
       wrong,
       {"load 'w'", "expanded"}},
  };
  for (const auto& c : cases) {
    StateDict state =
        is_last() ? c.state() : StateDict{{"w", allocate(DType::float32, {8})}, {"step", 0}};
    const auto failure = try_load(path, state);
    auto says = c.says;
    says.emplace_back("{by last}");
    expect_failed(failure, c.why, c.code, says);
  }
}

TEST_P(Errors, PlacesThatCannotBeSavedTo) {
  struct Case {
    const char* why;
    std::string path;
    ErrorCode code;
    std::vector<std::string> says;
  };
  const auto long_name = folder_ + "/" + std::string(300, 'x');
  const Case cases[] = {
      {"below a file", path_ + "/below/x.h5", ErrorCode::io, {path_ + "/below", "Not a directory"}},
      {"a folder", folder_, ErrorCode::invalid_argument, {"'" + folder_ + "': it is a directory"}},
      {"nothing can be made there", "/proc/x.h5", ErrorCode::not_found, {"/proc/", "create"}},
      {"no name of a file",
       folder_ + "/new/",
       ErrorCode::invalid_argument,
       {"'" + folder_ + "/new/': it names a directory"}},
      {"no name", "", ErrorCode::invalid_argument, {"no checkpoint id"}},
      {"a long name", long_name, ErrorCode::io, {long_name, "File name too long"}},
  };
  for (const auto& c : cases) {
    expect_failed(try_save(c.path), c.why, c.code, c.says);
  }
  EXPECT_FALSE(fs::exists(folder_ + "/new")) << "no folder is made for nothing";
}

TEST_P(Errors, FilesThatAreNoCheckpoints) {
  struct Case {
    const char* why;
    std::function<void(const std::string& path)> make;
    ErrorCode code;
    std::vector<std::string> says;
  };
  const auto cut = [this](std::size_t bytes) {
    return [this, bytes](const std::string& path) { write_file(path, bytes_.substr(0, bytes)); };
  };
  const auto corrupt = ErrorCode::corrupt;
  const Case cases[] = {
      {"no file", [](const std::string&) {}, ErrorCode::not_found, {"No such file"}},
      {"empty",
       [](const std::string& path) { write_file(path, ""); },
       corrupt,
       {"only 0 bytes: too short"}},
      {"text",
       [](const std::string& path) { write_file(path, std::string(5000, 'x')); },
       corrupt,
       {"not a checkpoint"}},
      {"a folder",
       [](const std::string& path) { fs::create_directory(path); },
       ErrorCode::io,
       {"it is a directory"}},
      {"a device",
       [](const std::string& path) { fs::create_symlink("/dev/null", path); },
       ErrorCode::io,
       {"it is no regular file"}},
      {"a pipe that nobody writes to",
       [](const std::string& path) { EXPECT_EQ(mkfifo(path.c_str(), 0600), 0); },
       ErrorCode::io,
       {"it is no regular file"}},
      {"cut in the commit record", cut(1000), corrupt, {"only 1000 bytes: too short"}},
      {"cut in the middle", cut(10000), corrupt, {"it has 10000 bytes", "it was cut"}},
      {"the last byte is missing", cut(bytes_.size() - 1), corrupt, {"it was cut"}},
      {"a byte more",
       [this](const std::string& path) { write_file(path, bytes_ + '\0'); },
       corrupt,
       {"added to"}},
      {"HDF5, but no checkpoint",
       [](const std::string& path) {
         H5Fclose(H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT));
       },
       corrupt,
       {""}},
      {"never committed",
       [this](const std::string& path) {
         auto content = bytes_;
         content[12] = 0;
         const auto digest = xxh3(content.data(), 4088);
         std::memcpy(&content[4088], &digest, sizeof digest);
         write_file(path, content);
       },
       corrupt,
       {"never completed"}},
      {"a newer format",
       [this](const std::string& path) {
         auto content = bytes_;
         content[8] = 9;
         const auto digest = xxh3(content.data(), 4088);
         std::memcpy(&content[4088], &digest, sizeof digest);
         write_file(path, content);
       },
       ErrorCode::unsupported,
       {"format version 9", "reads up to version 5"}},
  };
  for (const auto& c : cases) {
    const auto path = folder_ + "/file.h5";
    if (rank_ == 0) c.make(path);
    MPI_Barrier(MPI_COMM_WORLD);
    const auto failure = try_load(path);
    auto says = c.says;
    says.push_back(path);
    says.emplace_back("{by 0}");
    expect_failed(failure, c.why, c.code, says);
    if (rank_ == 0) {
      try {
        const auto damages = verify_checkpoint(path);
        EXPECT_EQ(damages.size(), c.code == corrupt ? 1U : 0U) << c.why;
        for (const auto& damage : damages) {
          EXPECT_NE(to_string(damage).find(c.says[0]), std::string::npos) << to_string(damage);
        }
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), c.code) << c.why;
      }
      fs::remove_all(path);
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }
}

TEST_P(Errors, EveryHookOfTheSavePlannerMayThrow) {
  struct Case {
    const char* hook;
    int call;
    bool everywhere;  // each rank has such a call
  };
  const Case cases[] = {{"set_up_planner", 0, true}, {"create_local_plan", 0, true},
                        {"finish_plan", 0, true},    {"plan_writes", 0, false},
                        {"plan_writes", 1, false},   {"resolve_data", 0, false},
                        {"resolve_data", 1, false},  {"resolve_data", 2, false}};
  for (const auto& c : cases) {
    bool thrown = false;
    for (int faulty = 0; faulty < size_; ++faulty) {
      test::FaultySavePlanner planner({rank_ == faulty ? c.hook : "", c.call});
      const auto failure = try_save(folder_ + "/planner.h5", &planner);
      const std::string why =
          std::string(c.hook) + " " + std::to_string(c.call) + " on rank " + std::to_string(faulty);
      test::expect_same(MPI_COMM_WORLD, failure, why);
      if (failure || c.everywhere) {
        expect_planned(failure, why, faulty, std::string("in ") + c.hook);
      }
      if (failure && std::string(c.hook) == "resolve_data") {
        const std::string what = failure->what();
        EXPECT_NE(what.find("write to '" + folder_ + "/planner.h5': write '"), what.npos) << what;
      }
      thrown = thrown || failure;
      EXPECT_NE(fs::exists(folder_ + "/planner.h5"), failure.has_value()) << why;
      MPI_Barrier(MPI_COMM_WORLD);
      if (rank_ == 0) fs::remove(folder_ + "/planner.h5");
      MPI_Barrier(MPI_COMM_WORLD);
    }
    EXPECT_TRUE(thrown) << c.hook << ": no rank had a call number " << c.call;
  }
}

TEST_P(Errors, EveryHookOfTheLoadPlannerMayThrow) {
  struct Case {
    const char* hook;
    int call;
    bool everywhere;
  };
  const Case cases[] = {{"set_up_planner", 0, true},  {"create_local_plan", 0, true},
                        {"finish_plan", 0, true},     {"load_bytes", 1, true},
                        {"resolve_tensor", 0, false}, {"resolve_tensor", 1, false},
                        {"commit_tensor", 0, false},  {"commit_tensor", 1, false}};
  for (const auto& c : cases) {
    bool thrown = false;
    for (int faulty = 0; faulty < size_; ++faulty) {
      test::FaultyLoadPlanner planner({rank_ == faulty ? c.hook : "", c.call});
      const auto failure = try_load(path_, &planner);
      const std::string why =
          std::string(c.hook) + " " + std::to_string(c.call) + " on rank " + std::to_string(faulty);
      test::expect_same(MPI_COMM_WORLD, failure, why);
      if (failure || c.everywhere) {
        expect_planned(failure, why, faulty, std::string("in ") + c.hook);
      }
      if (failure && std::string(c.hook) == "resolve_tensor") {
        const std::string what = failure->what();
        EXPECT_NE(what.find("read from '" + path_ + "': read '"), what.npos) << what;
      }
      thrown = thrown || failure;
    }
    EXPECT_TRUE(thrown) << c.hook << ": no rank had a call number " << c.call;
  }
}

TEST_P(Errors, EveryOperationOfTheWriterMayFail) {
  for (int faulty = 0; faulty < size_; ++faulty) {
    int operation = 0;
    for (bool failed = true; failed; ++operation) {
      Hdf5Writer writer(path_, options());
      test::FaultyWriter storage(writer, rank_ == faulty ? operation : test::kNever);
      StateDict state = make_state(1, rank_, size_, true);
      const auto failure = test::failure_of([&] { save(state, {.storage_writer = &storage}); });
      const auto why =
          "operation " + std::to_string(operation) + " on rank " + std::to_string(faulty);
      failed = failure.has_value();
      const bool committed =
          !failed || std::string(failure->what()).find("after finish") != std::string::npos;
      if (committed) {  // this save came through to the end: it is the earlier one of the next
        test::expect_same(MPI_COMM_WORLD, failure, why);
        MPI_Barrier(MPI_COMM_WORLD);
        if (rank_ == 0) bytes_ = read_file(path_);
        expect_loads(path_);
      }
      if (failed) {
        expect_planned(failure, why, faulty, "");
      }
    }
    EXPECT_EQ(operation, 2 * 7 + 1) << "each method once";
  }
}

TEST_P(Errors, EveryOperationOfTheReaderMayFail) {
  for (int faulty = 0; faulty < size_; ++faulty) {
    int operation = 0;
    for (bool failed = true; failed; ++operation) {
      Hdf5Reader reader(path_, options());
      test::FaultyReader storage(reader, rank_ == faulty ? operation : test::kNever);
      StateDict state = make_state(1, rank_, size_, false);
      const auto failure = test::failure_of([&] { load(state, {.storage_reader = &storage}); });
      const auto why =
          "operation " + std::to_string(operation) + " on rank " + std::to_string(faulty);
      failed = failure.has_value();
      if (failed) {
        expect_planned(failure, why, faulty, "");
      } else {
        test::expect_same(MPI_COMM_WORLD, failure, why);
        EXPECT_EQ(test::wrong_tensors(state), "");
      }
    }
    EXPECT_EQ(operation, 2 * 5 + 1) << "each method once";
  }
}

// Ranks of a node check together what several of them load. What one load has checked is no answer
// in the next one, also if a rank that has checked then loads nothing.
TEST_P(Errors, DamageIsFoundByALoadAfterOneThatFoundNone) {
  constexpr std::int64_t kSlot = std::int64_t{1} << 17;     // elements that one rank reads for all
  const std::int64_t elements = size_ * kSlot - kSlot / 4;  // all are read at once
  const auto path = folder_ + "/damaged.h5";
  const auto weights = allocate(DType::float64, {elements});
  for (std::int64_t i = 0; i < elements; ++i) {
    static_cast<double*>(weights.data)[i] = static_cast<double>(i + 1) / 3;
  }
  StateDict state{{"replicated", weights}};
  Hdf5Writer writer(path, {.transfer = GetParam()});
  EXPECT_EQ(test::text_of(test::failure_of([&] { save(state, {.storage_writer = &writer}); })),
            "success");
  const auto try_load_all = [&](int idle) {
    StateDict loaded;
    if (rank_ != idle) loaded["replicated"] = allocate(DType::float64, {elements});
    Hdf5Reader reader(path, {.transfer = GetParam(), .piece_bytes = 128 << 10});
    return test::failure_of([&] { load(loaded, {.storage_reader = &reader}); });
  };
  const std::string good = rank_ == 0 ? read_file(path) : "";
  for (const int slot : std::set<int>{0, size_ - 1}) {
    const int idle = size_ > 1 ? slot : -1;
    EXPECT_EQ(test::text_of(try_load_all(-1)), "success");
    if (rank_ == 0) {
      auto content = good;
      const auto element = static_cast<double>(slot * kSlot + kSlot / 2 + 1) / 3;
      const auto at = content.find(std::string(reinterpret_cast<const char*>(&element), 8));
      EXPECT_NE(at, std::string::npos);
      content[at + 2] = static_cast<char>(content[at + 2] ^ 1);
      write_file(path, content);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    expect_failed(try_load_all(idle), "slot " + std::to_string(slot), ErrorCode::corrupt,
                  {"'replicated'"});
    if (rank_ == 0) write_file(path, good);
    MPI_Barrier(MPI_COMM_WORLD);
  }
  if (rank_ == 0) fs::remove(path);
}

TEST_P(Errors, RanksMustHaveTheSameOptions) {
  const bool collective = GetParam() == Transfer::collective;
  struct Case {
    std::string name;
    std::function<void(Hdf5Options& own, Options& of_program)> change;  // on the last rank
    bool save_fails, load_fails;
  };
  std::vector<Case> cases{
      {"transfer",
       [&](auto& own, auto&) {
         own.transfer = collective ? Transfer::direct : Transfer::collective;
       },
       true, true},
      {"filters", [](auto& own, auto&) { own.filters.shuffle = true; }, true, false},
      {"verify_collective_writes", [](auto& own, auto&) { own.verify_collective_writes = false; },
       false, false},
      {"hints",
       [](auto& own, auto&) {
         own.hints = {{"cb_nodes", "1"}};
       },
       collective, collective},
      {"Options::hints",
       [](auto&, auto& of_program) {
         of_program.hints = {{"cb_nodes", "1"}};
       },
       collective, collective},
      {"overwrite", [](auto& own, auto&) { own.overwrite = Overwrite::refuse; }, false, false},
      {"piece_bytes", [](auto& own, auto&) { own.piece_bytes = 4096; }, false, false},
      {"alignment", [](auto& own, auto&) { own.alignment = 65536; }, false, false},
      {"striping", [](auto& own, auto&) { own.striping.count = 1; }, false, false}};
  if (!collective) {
    cases.push_back({"transfer",
                     [](auto& own, auto&) {
                       own.transfer = own.transfer == Transfer::direct ? Transfer::aggregated
                                                                       : Transfer::direct;
                     },
                     true, true});
    cases.push_back({"checksums", [](auto& own, auto&) { own.checksums = false; }, true, false});
    cases.push_back({"files", [](auto& own, auto&) { own.files = Files::number(2); }, true, false});
    cases.push_back(
        {"layout", [](auto& own, auto&) { own.layout = Layout::chunk_per_shard; }, true, false});
  }
  for (const auto& c : cases) {
    Hdf5Options own = options();
    Options of_program;
    if (rank_ > 0 && is_last()) c.change(own, of_program);
    const auto expect = [&](const Failure& failure, bool fails, const std::string& why) {
      if (size_ == 1 || !fails) {
        EXPECT_EQ(test::text_of(failure), "success") << why;
        return;
      }
      expect_failed(failure, why, ErrorCode::invalid_argument,
                    {c.name + " is '", "', but on rank 0 it is '", "all ranks must choose the same",
                     "{by last}"});
      if (failure) {
        EXPECT_EQ(failure->failed_ranks(), std::vector<int>{size_ - 1}) << why;
      }
    };
    const auto path = folder_ + "/options.h5";
    Hdf5Writer writer(path, own);
    StateDict state = make_state(0, rank_, size_, true);
    expect(
        test::failure_of([&] { save(state, {.storage_writer = &writer, .options = of_program}); }),
        c.save_fails, "save: " + c.name);
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank_ == 0) fs::remove(path);
    MPI_Barrier(MPI_COMM_WORLD);
    Hdf5Reader reader(path_, own);
    StateDict loaded = make_state(1, rank_, size_, false);
    expect(
        test::failure_of([&] { load(loaded, {.storage_reader = &reader, .options = of_program}); }),
        c.load_fails, "load: " + c.name);
  }
}

TEST_P(Errors, OneSaveAfterTheOther) {
  for (int way = 0; way < 3; ++way) {
    test::FaultySavePlanner planner({is_last() ? "finish_plan" : "", 0});
    expect_failed(try_save(path_, &planner), "a failed save", ErrorCode::io, {"planned fault"});
    StateDict state = make_state(way, rank_, size_, true);
    EXPECT_EQ(test::text_of(try_save(path_, state)), "success");
    expect_loads(path_);
    if (rank_ == 0) bytes_ = read_file(path_);
  }
}

TEST_P(Errors, AnExistingCheckpointIsNotReplacedIfThatIsRefused) {
  auto refusing = options();
  refusing.overwrite = Overwrite::refuse;
  const auto refused = [&](const std::string& path, SavePlanner* planner) {
    Hdf5Writer writer(path, refusing);
    StateDict state = make_state(0, rank_, size_, true);
    return test::failure_of([&] { save(state, {.storage_writer = &writer, .planner = planner}); });
  };
  expect_failed(refused(path_, nullptr), "it is there", ErrorCode::invalid_argument,
                {"'" + path_ + "' exists", "Overwrite::replace", "{by 0}"});

  const auto raced = folder_ + "/raced.h5";
  test::CallingPlanner planner([&] {
    if (rank_ == 0) write_file(raced, "not ours");
  });
  expect_failed(refused(raced, &planner), "it comes while we save", ErrorCode::invalid_argument,
                {"'" + raced + "' exists", "Overwrite::replace", "{by 0}"});
  EXPECT_EQ(read_file(raced), "not ours");

  EXPECT_EQ(test::text_of(refused(folder_ + "/new.h5", nullptr)), "success");
  expect_loads(folder_ + "/new.h5");
}

TEST_P(Errors, AWriteThatFailsOnOneRank) {
  // Behind HDF5's metadata: after a file that failed to close, HDF5 1.10 crashes in MPI_Finalize.
  const CheckpointFile file(path_);
  const auto first = file.entry(*file.find("w")).address;
  for (int faulty = 0; faulty < size_; ++faulty) {
    std::optional<test::FileLimit> limit;
    test::CallingPlanner planner([&] {
      if (rank_ == faulty) limit.emplace(first);
    });
    const auto failure = try_save(path_, &planner);
    limit.reset();
    const auto why = "rank " + std::to_string(faulty);
    if (GetParam() == Transfer::direct) {
      expect_failed(failure, why, ErrorCode::io,
                    {"good.h5", "File too large", detected_by({faulty}, size_)});
    } else {  // who writes what is up to MPI-IO, or to where the window is
      test::expect_same(MPI_COMM_WORLD, failure, why);
      const bool collective = GetParam() == Transfer::collective;
      if (failure) {
        // With several ranks that write for the others, OMPIO may report success.
        const auto read_back = "write to '" + path_ + "': read back ";
        const bool told = !std::string(failure->what()).starts_with(read_back) || !collective;
        expect_failed(failure, why, ErrorCode::io,
                      {told ? "write to '" + path_ + "': write " : read_back,
                       !told        ? "are not what MPI-IO was given"
                       : collective ? "bytes free"
                                    : "File too large"});
      }
      MPI_Barrier(MPI_COMM_WORLD);
      if (!failure && rank_ == 0) bytes_ = read_file(path_);
    }
  }
}

// A file system of 1 MiB in a folder, if this process may make one.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& folder) : folder_(folder) {
    fs::create_directory(folder);
    if (mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=1m") != 0) error_ = errno;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (error_ == 0) umount2(folder_.c_str(), MNT_DETACH);
  }
  int error() const { return error_; }

  // Takes all but `left` bytes with another file.
  void fill(std::uint64_t left) const {
    fs::remove(folder_ + "/filler");
    const auto space = fs::space(folder_).available;
    write_file(folder_ + "/filler", std::string(space > left ? space - left : 0, 'x'));
  }
  void make_read_only() const {
    EXPECT_EQ(mount(nullptr, folder_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  }

 private:
  std::string folder_;
  int error_ = 0;
};

TEST_P(Errors, AFullDisk) {
  const auto folder = folder_ + "/disk";
  const auto path = folder + "/x.h5";
  std::optional<SmallDisk> disk;
  if (rank_ == 0) disk.emplace(folder);
  int error = rank_ == 0 ? disk->error() : 0;
  MPI_Bcast(&error, 1, MPI_INT, 0, MPI_COMM_WORLD);
  if (error != 0) GTEST_SKIP() << "cannot mount a tmpfs: " << std::strerror(error);

  EXPECT_EQ(test::text_of(try_save(path)), "success");
  const auto earlier = read_file(path);
  const auto expect_full = [&](const std::string& why, const Failure& failure) {
    expect_failed(failure, why, ErrorCode::io,
                  {"create '" + path, "No space left on device", "bytes free", "{by 0}"});
    EXPECT_TRUE(read_file(path) == earlier) << why;
    if (rank_ == 0) expect_no_partial(folder, why);
    MPI_Barrier(MPI_COMM_WORLD);
  };
  StateDict large{{"w", allocate(DType::float64, {1 << 20})}};
  expect_full("too large", try_save(path, large));
  for (const auto left : {0U, 4096U, 8192U, 12288U, 16384U}) {
    if (rank_ == 0) disk->fill(left);
    MPI_Barrier(MPI_COMM_WORLD);
    expect_full(std::to_string(left) + " bytes free", try_save(path));
  }
  if (rank_ == 0) {
    fs::remove(folder + "/filler");
    disk->make_read_only();
  }
  MPI_Barrier(MPI_COMM_WORLD);
  expect_failed(try_save(path), "read-only", ErrorCode::io, {path, "Read-only file system"});
  expect_loads(path);
  MPI_Barrier(MPI_COMM_WORLD);
}

INSTANTIATE_TEST_SUITE_P(Engines, Errors,
                         testing::Values(Transfer::direct, Transfer::collective,
                                         Transfer::aggregated, Transfer::automatic),
                         [](const auto& test) { return std::string(to_string(test.param)); });

}  // namespace
}  // namespace h5dcp
