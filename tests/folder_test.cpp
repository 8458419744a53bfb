// Folders that are made and brought to the disk, on file systems that do not offer all of that, and
// where nobody may look.

#include "files/folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "own_folder.hpp"
#include "shim/shim.h"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;

// What `work` throws; empty if it throws nothing.
template <class Work>
std::string error_of(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

class Folder : public testing::Test {
 protected:
  void SetUp() override { folder_ = fs::canonical(test::own_folder()).string(); }
  void TearDown() override {
    h5dcp_shim_forbid(nullptr, 0);
    ::chmod(folder_.c_str(), 0755);
  }

  // How many calls of the file system `work` makes in the folder.
  template <class Work>
  long calls_of(const Work& work) const {
    h5dcp_shim_arm(folder_.c_str(), SHIM_CHANGES, SHIM_NONE, 0);
    work();
    return h5dcp_shim_disarm();
  }

  static void change_long_ago(const std::string& path) {
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(2));
  }

  std::string folder_;
};

// Goes to a folder in which the process may not look, and ends with whether `work` did as it
// should.
template <class Work>
[[noreturn]] void end_where_nobody_may_look(const std::string& folder, const Work& work) {
  bool is_there = ::chdir(folder.c_str()) == 0 && ::chmod(folder.c_str(), 0) == 0;
  if (::geteuid() == 0) is_there = is_there && ::setuid(65534) == 0;  // root may look everywhere
  struct stat status {};
  if (!is_there || ::stat(".", &status) == 0) std::exit(77);
  std::exit(work() ? 0 : 1);
}

int status_where_nobody_may_look(const std::string& folder, bool (*work)()) {
  int code = -1;
  EXPECT_EXIT(
      end_where_nobody_may_look(folder, work),
      [&code](int status) {
        code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        return true;
      },
      "");
  return code;
}

TEST_F(Folder, ThatNobodyMayLookAtIsNoEndlessSearch) {
  const auto status = status_where_nobody_may_look(
      folder_, [] { return !Hdf5Writer::validate_checkpoint_id("new.h5"); });
  if (status == 77) GTEST_SKIP() << "this process may look everywhere";
  EXPECT_EQ(status, 0);
}

TEST_F(Folder, ThatNobodyMayLookAtIsAnErrorThatSaysSo) {
  const auto status = status_where_nobody_may_look(folder_, [] {
    const auto text = error_of([] { make_folder("a/b"); });
    return text.find("make the folder 'a/b': nobody can look at it: Permission denied") == 0;
  });
  if (status == 77) GTEST_SKIP() << "this process may look everywhere";
  EXPECT_EQ(status, 0);
}

TEST_F(Folder, IsMadeWithThoseAboveIt) {
  make_folder(folder_ + "/a/b/c");
  EXPECT_TRUE(fs::is_directory(folder_ + "/a/b/c"));
  EXPECT_EQ(nearest_folder(folder_ + "/a/b/d/e"), folder_ + "/a/b");
  EXPECT_EQ(nearest_folder("none"), ".");
  EXPECT_EQ(nearest_folder("/none/none"), "/");
  std::system(("touch " + folder_ + "/file").c_str());
  EXPECT_NE(error_of([&] { make_folder(folder_ + "/file/a"); }).find("Not a directory"),
            std::string::npos);
}

TEST_F(Folder, IsSyncedWithItsFileSystemWhereThatAloneIsOffered) {
  const auto sync = [&] { sync_folder(folder_); };
  EXPECT_EQ(calls_of(sync), 1) << "fsync";
  for (const int error : {EINVAL, ENOTSUP, ENOSYS, EBADF}) {
    h5dcp_shim_forbid("fsync of a folder", error);
    EXPECT_EQ(calls_of(sync), 2) << "fsync, syncfs: " << error;
    h5dcp_shim_forbid("fsync of a folder|syncfs", error);
    EXPECT_EQ(calls_of(sync), 2) << "there is nothing else to call: " << error;
  }
  for (const int error : {EIO, ENOSPC, EROFS}) {  // ext4 says EROFS when it has given up
    h5dcp_shim_forbid("fsync of a folder", error);
    calls_of([&] { EXPECT_NE(error_of(sync).find("(fsync)"), std::string::npos) << error; });
  }
}

TEST_F(Folder, IsSyncedInThoseAboveUpToTheFirstThatIsOlderThanTheJob) {
  fs::create_directories(folder_ + "/a/b/c");
  const auto sync = [&] { sync_entries_above(folder_ + "/a/b/c"); };
  change_long_ago(folder_);
  EXPECT_EQ(calls_of(sync), 2) << "b has c, a has b; the one above is old";
  change_long_ago(folder_ + "/a");
  EXPECT_EQ(calls_of(sync), 1);
  change_long_ago(folder_ + "/a/b");
  EXPECT_EQ(calls_of(sync), 0);
}

}  // namespace
}  // namespace h5dcp
