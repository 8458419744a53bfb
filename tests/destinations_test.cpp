// Where a checkpoint may go: behind links, in place of links, on other file systems.

#include <gtest/gtest.h>
#include <mpi.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "crash_state.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "outcome.hpp"
#include "own_folder.hpp"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;
using Failure = std::optional<CheckpointException>;

class Destinations : public testing::TestWithParam<Transfer> {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    folder_ = fs::canonical(test::own_folder()).string();
  }

  template <class Work>
  void on_rank_0(const Work& work) const {
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank_ == 0) work();
    MPI_Barrier(MPI_COMM_WORLD);
  }

  Failure try_save(const std::string& path, int version,
                   Overwrite overwrite = Overwrite::replace) const {
    auto state = test::crash_state(version, rank_, size_, true);
    Hdf5Writer writer(path, {.transfer = GetParam(), .overwrite = overwrite});
    const auto failure = test::failure_of([&] { save(state, {.storage_writer = &writer}); });
    test::expect_same(MPI_COMM_WORLD, failure, path);
    return failure;
  }

  void expect_saves(const std::string& path, int version) const {
    EXPECT_EQ(test::text_of(try_save(path, version)), "success");
    expect_version(path, version);
  }

  void expect_version(const std::string& path, int version) const {
    auto state = test::crash_state(0, rank_, size_, false);
    Hdf5Reader reader(path, {.transfer = GetParam()});
    EXPECT_EQ(test::text_of(test::failure_of([&] { load(state, {.storage_reader = &reader}); })),
              "success");
    EXPECT_EQ(test::not_of_version(state, version), "") << path;
    on_rank_0([&] { EXPECT_EQ(test::version_of(path, path), version); });
  }

  int rank_ = 0;
  int size_ = 1;
  std::string folder_;
};

TEST_P(Destinations, AFolderBehindALinkIsThatFolder) {
  on_rank_0([&] {
    fs::create_directory(folder_ + "/real");
    fs::create_directory_symlink("real", folder_ + "/link");
  });
  for (const int version : {1, 2}) {
    expect_saves(folder_ + "/link/a.h5", version);
    expect_version(folder_ + "/real/a.h5", version);
  }
  on_rank_0([&] {
    EXPECT_TRUE(fs::is_symlink(folder_ + "/link"));
    EXPECT_EQ(test::names_in(folder_ + "/real"), std::vector<std::string>{"a.h5"});
  });
}

TEST_P(Destinations, ALinkToAFileIsReplacedAndTheFileStays) {
  const auto link = folder_ + "/latest.h5";
  expect_saves(folder_ + "/step_1.h5", 1);
  on_rank_0([&] { fs::create_symlink("step_1.h5", link); });
  const auto refused = try_save(link, 2, Overwrite::refuse);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code(), ErrorCode::invalid_argument);
  expect_version(link, 1);
  expect_saves(link, 2);
  expect_version(folder_ + "/step_1.h5", 1);
  on_rank_0([&] { EXPECT_FALSE(fs::is_symlink(link)); });
}

TEST_P(Destinations, ALinkToNothingIsReplacedOrRefusedBeforeAnythingIsWritten) {
  const auto link = folder_ + "/dangling.h5";
  on_rank_0([&] { fs::create_symlink("nothing.h5", link); });
  const auto refused = try_save(link, 1, Overwrite::refuse);
  ASSERT_TRUE(refused);
  const std::string what = refused->what();
  EXPECT_NE(what.find("create '" + link + "': '" + link + "' exists"), what.npos) << what;
  expect_saves(link, 2);
  on_rank_0([&] {
    EXPECT_FALSE(fs::is_symlink(link));
    EXPECT_EQ(test::names_in(folder_), std::vector<std::string>{"dangling.h5"});
  });
}

TEST_P(Destinations, AnotherFileSystemThanTheOneOfTmp) {
  struct stat tmp {};
  struct stat memory {};
  const bool two = ::stat("/tmp", &tmp) == 0 && ::stat("/dev/shm", &memory) == 0 &&
                   tmp.st_dev != memory.st_dev && ::access("/dev/shm", W_OK) == 0;
  if (!two) GTEST_SKIP() << "/dev/shm is no other file system than /tmp, or cannot be written";
  std::string folder = "/dev/shm/h5dcp.XXXXXX";
  if (rank_ == 0) {
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
  }
  folder = test::broadcast(MPI_COMM_WORLD, folder);
  for (const int version : {1, 2}) expect_saves(folder + "/a.h5", version);
  EXPECT_TRUE(try_save(folder + "/a.h5", 3, Overwrite::refuse));
  expect_version(folder + "/a.h5", 2);
  on_rank_0([&] {
    EXPECT_EQ(test::names_in(folder), std::vector<std::string>{"a.h5"});
    fs::remove_all(folder);
  });
}

INSTANTIATE_TEST_SUITE_P(Engines, Destinations,
                         testing::Values(Transfer::direct, Transfer::collective),
                         [](const auto& test) { return test::name_of(test.param); });

}  // namespace
}  // namespace h5dcp
