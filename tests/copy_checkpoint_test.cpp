// Checkpoints that are copied and moved: with all of their files, and never half.

#include "h5dcp/copy_checkpoint.hpp"

#include <gtest/gtest.h>
#include <mpi.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "sample_state.hpp"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;

StateDict make_state(int way, int rank, int size, bool filled) {
  StateDict state = test::make_state(way, rank, size, filled);
  const test::Sample large{"lar%ge", DType::float64, {90, 70}};
  state[large.fqn] = test::make_tensor(large, way, rank, size);
  if (filled) test::fill(large.fqn, std::get<ShardedTensor>(state[large.fqn]));
  state["text"] = filled ? "some text" : "";
  return state;
}

// The parameter: whether there are data files.
class CopyCheckpoint : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    if (rank_ == 0) {
      for (const auto* folder : {"a", "b"}) fs::remove_all(folder);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    save_to("a/from.h5");
  }

  void save_to(const std::string& path) const {
    StateDict state = make_state(0, rank_, size_, true);
    Hdf5Writer writer(path, {.files = GetParam() ? Files::per_ranks(1) : Files()});
    save(state, {.storage_writer = &writer});
  }

  void on_first_rank(const std::function<void()>& work) const {
    if (rank_ == 0) work();
    MPI_Barrier(MPI_COMM_WORLD);
  }

  // That it is whole, has what was saved, and shares no file with another one.
  void expect_checkpoint(const std::string& path) const {
    on_first_rank([&] {
      for (const auto& damage : verify_checkpoint(path)) ADD_FAILURE() << to_string(damage);
      const CheckpointFile file(path);
      EXPECT_EQ(file.summary().data_files > 0, GetParam());
      if (!GetParam()) return;
      const auto folder = fs::path(file.data_file_path(1)).parent_path();
      EXPECT_EQ(folder.parent_path(), fs::path(path).parent_path());
      EXPECT_TRUE(folder.filename().string().starts_with(fs::path(path).filename().string() + "."));
      EXPECT_EQ(fs::hard_link_count(file.data_file_path(1)), 1U);
    });
    StateDict state = make_state(3, rank_, size_, false);
    load(state, {.checkpoint_id = path});
    EXPECT_EQ(test::wrong_tensors(state), "") << path;
    EXPECT_TRUE(state["text"] == Value("some text")) << path;
  }

  // How many checkpoints and folders of data files are in a folder, and nothing else.
  static std::size_t count(const std::string& folder) {
    std::size_t found = 0;
    for (const auto& entry : fs::directory_iterator(folder)) {
      const auto name = entry.path().filename().string();
      EXPECT_TRUE(name.ends_with(".h5") || name.ends_with(".data")) << name;
      ++found;
    }
    return found;
  }

  static std::size_t of_one() { return GetParam() ? 2 : 1; }

  static std::string refusal(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << error.what();
      return error.what();
    }
    return "it is done";
  }

  int rank_ = 0;
  int size_ = 1;
};

TEST_P(CopyCheckpoint, MakesAnotherThatIsWhole) {
  on_first_rank([&] {
    copy_checkpoint("a/from.h5", "a/a longer name.h5");
    copy_checkpoint("a/from.h5", "b/new/to.h5");
    EXPECT_EQ(count("a"), 2 * of_one());
    EXPECT_EQ(count("b/new"), of_one());
    EXPECT_EQ(CheckpointFile("b/new/to.h5").summary().generation,
              CheckpointFile("a/from.h5").summary().generation);
  });
  for (const auto* path : {"a/from.h5", "a/a longer name.h5", "b/new/to.h5"}) {
    expect_checkpoint(path);
  }
  on_first_rank([] { fs::remove_all("a"); });
  expect_checkpoint("b/new/to.h5");
}

TEST_P(CopyCheckpoint, ReplacesOnlyIfItIsToldTo) {
  save_to("b/to.h5");
  on_first_rank([&] {
    const auto before = CheckpointFile("b/to.h5").summary().generation;
    for (const auto& work : {copy_checkpoint, move_checkpoint}) {
      EXPECT_NE(refusal([&] { work("a/from.h5", "b/to.h5", Overwrite::refuse); }).find("exists"),
                std::string::npos);
      EXPECT_EQ(CheckpointFile("b/to.h5").summary().generation, before);
      EXPECT_EQ(count("a") + count("b"), 2 * of_one());
    }
    copy_checkpoint("a/from.h5", "b/to.h5", Overwrite::replace);
    copy_checkpoint("a/from.h5", "b/to.h5", Overwrite::replace);
    EXPECT_NE(CheckpointFile("b/to.h5").summary().generation, before);
    EXPECT_EQ(count("b"), of_one()) << "the data files that it had are gone";
  });
  expect_checkpoint("b/to.h5");
}

TEST_P(CopyCheckpoint, MovesIntoThePlaceOfAnother) {
  save_to("b/to.h5");
  on_first_rank([&] {
    struct stat before {};
    struct stat after {};
    const auto large = [](const std::string& path) {
      return GetParam() ? CheckpointFile(path).data_file_path(1) : path;
    };
    ASSERT_EQ(::stat(large("a/from.h5").c_str(), &before), 0);
    move_checkpoint("a/from.h5", "b/to.h5", Overwrite::replace);
    ASSERT_EQ(::stat(large("b/to.h5").c_str(), &after), 0);
    EXPECT_EQ(before.st_ino, after.st_ino) << "nothing large is copied";
    EXPECT_EQ(count("a"), 0U);
    EXPECT_EQ(count("b"), of_one());
  });
  expect_checkpoint("b/to.h5");
  on_first_rank([&] { move_checkpoint("b/to.h5", "b/again.h5"); });
  expect_checkpoint("b/again.h5");
  on_first_rank([&] { EXPECT_EQ(count("b"), of_one()); });
}

TEST_P(CopyCheckpoint, RefusesWhatItCannotMeanWell) {
  on_first_rank([&] {
    fs::create_symlink("from.h5", "a/link.h5");
    for (const auto& work : {copy_checkpoint, move_checkpoint}) {
      const auto says = [&](const std::string& from, const std::string& to) {
        return refusal([&] { work(from, to, Overwrite::replace); });
      };
      EXPECT_NE(says("a/from.h5", "a/from.h5").find("is that checkpoint"), std::string::npos);
      EXPECT_NE(says("a/from.h5", "b/").find("names a directory"), std::string::npos);
      try {
        work("a/none.h5", "b/to.h5", Overwrite::replace);
        ADD_FAILURE() << "there is none";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::not_found);
      }
    }
    EXPECT_NE(refusal([] { move_checkpoint("a/link.h5", "b/to.h5"); }).find("is a link"),
              std::string::npos);
    copy_checkpoint("a/link.h5", "b/to.h5");
    fs::remove("a/link.h5");
    EXPECT_EQ(count("a"), of_one());
  });
  expect_checkpoint("a/from.h5");
  expect_checkpoint("b/to.h5");
}

TEST_P(CopyCheckpoint, RefusesToReplaceWhatIsNoFile) {
  on_first_rank([&] {
    fs::create_directory("b");
    ASSERT_EQ(::mkfifo("b/pipe.h5", 0666), 0);
    for (const auto& work : {copy_checkpoint, move_checkpoint}) {
      EXPECT_NE(refusal([&] {
                  work("a/from.h5", "b/pipe.h5", Overwrite::replace);
                }).find("'b/pipe.h5': it is a pipe"),
                std::string::npos);
      EXPECT_TRUE(fs::is_fifo("b/pipe.h5"));
      EXPECT_EQ(count("a") + count("b"), of_one() + 1);
    }
  });
  expect_checkpoint("a/from.h5");
}

TEST_P(CopyCheckpoint, IsAsAccessibleAsWhatItReplacesOrAsTheOriginal) {
  const auto expect_mode = [](const std::string& path, unsigned mode) {
    const auto bits = [](const fs::path& at) {
      return static_cast<unsigned>(fs::status(at).permissions());
    };
    EXPECT_EQ(bits(path), mode) << path;
    if (!GetParam()) return;
    const fs::path data = CheckpointFile(path).data_file_path(1);
    EXPECT_EQ(bits(data), mode) << data;
    EXPECT_EQ(bits(data.parent_path()), mode | (mode & 0444U) >> 2U | 0700U) << data;
  };
  const auto set_mode = [](const std::string& path, unsigned mode) {
    fs::permissions(path, static_cast<fs::perms>(mode));
    if (!GetParam()) return;
    fs::permissions(CheckpointFile(path).data_file_path(1), static_cast<fs::perms>(mode));
  };
  on_first_rank([&] {
    set_mode("a/from.h5", 0640);
    copy_checkpoint("a/from.h5", "b/to.h5");
    expect_mode("b/to.h5", 0640);
    set_mode("b/to.h5", 0600);
    copy_checkpoint("a/from.h5", "b/to.h5", Overwrite::replace);
    expect_mode("b/to.h5", 0600);
    move_checkpoint("a/from.h5", "b/to.h5", Overwrite::replace);
    expect_mode("b/to.h5", 0600);
    move_checkpoint("b/to.h5", "b/moved.h5");
    expect_mode("b/moved.h5", 0600);
  });
  expect_checkpoint("b/moved.h5");
}

TEST_P(CopyCheckpoint, LeavesNothingIfADataFileIsMissing) {
  if (!GetParam()) GTEST_SKIP() << "there is none";
  on_first_rank([&] {
    const auto file = CheckpointFile("a/from.h5").data_file_path(1);
    fs::rename(file, "away.h5");
    for (const auto& work : {copy_checkpoint, move_checkpoint}) {
      try {
        work("a/from.h5", "a/to.h5", Overwrite::refuse);
        ADD_FAILURE() << "it is done";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::corrupt) << error.what();
        EXPECT_NE(std::string(error.what()).find("it is missing"), std::string::npos);
      }
      EXPECT_EQ(count("a"), of_one());
    }
    fs::rename("away.h5", file);
  });
  expect_checkpoint("a/from.h5");
}

INSTANTIATE_TEST_SUITE_P(Files, CopyCheckpoint, testing::Bool(), [](const auto& test) {
  return std::string(test.param ? "data_files" : "one_file");
});

}  // namespace
}  // namespace h5dcp
