// Where a checkpoint may go: behind links, in place of links, on other file systems.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <mpi.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "crash_state.hpp"
#include "faulty_storage.hpp"
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

TEST_P(Destinations, WhatIsNoFileIsRefusedBeforeAnythingIsWritten) {
  struct Obstacle {
    const char* name;
    const char* says;
    std::function<bool(const std::string&)> make;
  };
  const auto node = [](mode_t type, dev_t device) {
    return [=](const std::string& path) { return ::mknod(path.c_str(), type | 0666, device) == 0; };
  };
  const Obstacle obstacles[] = {
      {"pipe.h5", "is a pipe", node(S_IFIFO, 0)},
      {"socket.h5", "is a socket", node(S_IFSOCK, 0)},
      {"full.h5", "is a device", node(S_IFCHR, makedev(1, 7))},  // as /dev/full; needs privileges
      {"folder.h5", "is a directory",
       [](const std::string& path) { return fs::create_directory(path); }},
      {"link.h5", "is a directory",
       [this](const std::string& path) {
         fs::create_directory_symlink(folder_, path);
         return true;
       }},
  };
  for (const auto& obstacle : obstacles) {
    const auto path = folder_ + "/" + obstacle.name;
    int made = 0;
    on_rank_0([&] { made = obstacle.make(path) ? 1 : 0; });
    MPI_Bcast(&made, 1, MPI_INT, 0, MPI_COMM_WORLD);
    if (made == 0) continue;
    std::vector<std::string> before;
    fs::file_type type{};
    on_rank_0([&] {
      before = test::names_in(folder_);
      type = fs::symlink_status(path).type();
    });
    for (const auto overwrite : {Overwrite::replace, Overwrite::refuse}) {
      const auto refused = try_save(path, 1, overwrite);
      const auto text = test::text_of(refused);
      EXPECT_NE(text.find("'" + path + "': it " + obstacle.says), text.npos) << text;
      if (refused) {
        EXPECT_EQ(refused->code(), ErrorCode::invalid_argument) << text;
      }
      on_rank_0([&] {
        EXPECT_EQ(test::names_in(folder_), before) << path;
        EXPECT_EQ(fs::symlink_status(path).type(), type) << path;
      });
    }
  }
}

TEST_P(Destinations, WhatTakesAFilesPlaceIsAsAccessible) {
  const auto path = folder_ + "/a.h5";
  const auto status_of = [](const std::string& name) {
    struct stat status {};
    EXPECT_EQ(::stat(name.c_str(), &status), 0) << name;
    return status;
  };
  constexpr mode_t kBits = 07777;
  const bool is_root = ::geteuid() == 0;
  constexpr gid_t kGroup = 12345;
  expect_saves(path, 1);
  int version = 1;
  for (const mode_t mode : {0600U, 0640U, 0664U, 0440U}) {
    on_rank_0([&] {
      EXPECT_EQ(::chmod(path.c_str(), mode), 0);
      if (is_root) {
        EXPECT_EQ(::chown(path.c_str(), static_cast<uid_t>(-1), kGroup), 0);
      }
    });
    auto state = test::crash_state(++version, rank_, size_, true);
    Hdf5Writer writer(path, {.transfer = GetParam()});
    test::CallingPlanner planner([&] {  // in the middle of the save
      if (rank_ != 0) return;
      for (const auto& name : test::names_in(folder_)) {
        const auto bits = status_of(folder_ + "/" + name).st_mode & kBits;
        EXPECT_EQ(bits & ~(mode | 0600U), 0U) << name << " is more accessible than the checkpoint";
      }
    });
    EXPECT_EQ(test::text_of(test::failure_of(
                  [&] { save(state, {.storage_writer = &writer, .planner = &planner}); })),
              "success");
    on_rank_0([&] {
      EXPECT_EQ(status_of(path).st_mode & kBits, mode);
      if (is_root) {
        EXPECT_EQ(status_of(path).st_gid, kGroup);
      }
    });
  }
  // Through a link it is as accessible as what that leads to.
  on_rank_0([&] {
    EXPECT_EQ(::chmod(path.c_str(), 0600), 0);
    fs::create_symlink("a.h5", folder_ + "/link.h5");
  });
  expect_saves(folder_ + "/link.h5", 9);
  on_rank_0([&] { EXPECT_EQ(status_of(folder_ + "/link.h5").st_mode & kBits, 0600U); });
}

TEST_P(Destinations, AnAccessControlListIsKept) {
  const auto path = folder_ + "/a.h5";
  expect_saves(path, 1);
  // Version 2; the owner may read and write, user 1 read, the group nothing, mask r, others
  // nothing.
  const unsigned char list[] = {2,    0,    0,    0,   1,   0,   6,  0,    255,  255,  255,
                                255,  2,    0,    4,   0,   1,   0,  0,    0,    4,    0,
                                0,    0,    255,  255, 255, 255, 16, 0,    4,    0,    0xff,
                                0xff, 0xff, 0xff, 32,  0,   0,   0,  0xff, 0xff, 0xff, 0xff};
  const char* const name = "system.posix_acl_access";
  int has = 0;
  on_rank_0([&] { has = ::setxattr(path.c_str(), name, list, sizeof list, 0) == 0 ? 1 : 0; });
  MPI_Bcast(&has, 1, MPI_INT, 0, MPI_COMM_WORLD);
  if (has == 0) GTEST_SKIP() << "the file system has no access control lists";
  expect_saves(path, 2);
  on_rank_0([&] {
    unsigned char found[2 * sizeof list] = {};
    EXPECT_EQ(::getxattr(path.c_str(), name, found, sizeof found), ssize_t{sizeof list});
    EXPECT_EQ(std::memcmp(found, list, sizeof list), 0);
  });
}

// A checkpoint in the place of an unfinished file, as which it has a record.
TEST_P(Destinations, UnfinishedFilesOfLiveJobsAndFilesOfOthersStay) {
  const auto path = folder_ + "/a.h5";
  expect_saves(path, 1);
  const auto locked = folder_ + "/.a.h5.0123456789abcdef.partial";
  const auto dead = folder_ + "/.a.h5.0123456789abcdee.partial";
  const auto of_mpi = dead + ".locktest.0";
  const auto fresh = folder_ + "/.a.h5.0123456789abcded.partial";
  const std::vector<std::string> foreign{".a.h5.0123456789abcdec.partial",  // without a record
                                         ".a.h5.validation-split.partial",
                                         ".a.h5.0123456789ABCDEF.partial",
                                         ".a.h5.0123456789abcdee.partial.notes"};
  int fd = -1;
  on_rank_0([&] {
    for (const auto& name : {locked, dead, fresh}) fs::copy_file(path, name);
    std::ofstream{of_mpi};
    for (const auto& name : foreign) std::ofstream(folder_ + "/" + name) << "notes";
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (entry.path() == fresh) continue;
      fs::last_write_time(entry, fs::file_time_type::clock::now() - std::chrono::hours(2));
    }
    fd = ::open(locked.c_str(), O_RDWR | O_CLOEXEC);
    struct flock lock {};
    lock.l_type = F_WRLCK;  // of the whole file
    EXPECT_EQ(::fcntl(fd, F_OFD_SETLK, &lock), 0);
  });
  expect_saves(path, 2);
  on_rank_0([&] {
    EXPECT_TRUE(fs::exists(locked)) << "a live job writes it";
    EXPECT_TRUE(fs::exists(fresh)) << "it was written just now";
    EXPECT_FALSE(fs::exists(dead));
    EXPECT_FALSE(fs::exists(of_mpi));
    for (const auto& name : foreign) EXPECT_TRUE(fs::exists(folder_ + "/" + name)) << name;
    ::close(fd);
  });
  expect_saves(path, 3);
  on_rank_0([&] { EXPECT_FALSE(fs::exists(locked)) << "nobody has it locked now"; });
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
