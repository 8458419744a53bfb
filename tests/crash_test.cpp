// A job that is killed at every call that a save makes, and jobs that save to one destination at
// once: the file under the name is always one checkpoint, whole.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "crash_state.hpp"
#include "own_folder.hpp"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;

constexpr int kRanks = 2;
constexpr int kRefused = 3;

// What a job of kRanks ranks of crash_victim has said is in the file `log`, and what MPI leaves
// when it is killed is in the folder `scratch`. Returns its launcher.
pid_t launch(const std::vector<std::string>& arguments, const std::string& log,
             const std::string& scratch) {
  std::vector<std::string> words;
  std::istringstream launcher(H5DCP_LAUNCHER);
  for (std::string word; launcher >> word;) words.push_back(word);
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> command;
  for (auto& word : words) command.push_back(word.data());
  command.push_back(nullptr);
  const pid_t process = fork();
  if (process == 0) {
    setsid();  // the shim ends a session
    setenv("H5DCP_SHIM_SESSION", "1", 1);
    setenv("OMPI_MCA_orte_tmpdir_base", scratch.c_str(), 1);
    setenv("OMPI_MCA_btl_vader_backing_directory", scratch.c_str(), 1);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execv(command[0], command.data());
    _exit(127);
  }
  return process;
}

// How the launcher ended. Ranks that outlived it are ours (see SetUpTestSuite); nobody is left who
// could still write.
std::vector<int> wait_for(const std::vector<pid_t>& launchers) {
  std::vector<int> statuses(launchers.size(), -1);
  for (;;) {
    int status = 0;
    const pid_t ended = waitpid(-1, &status, 0);
    if (ended < 0 && errno == ECHILD) return statuses;
    for (std::size_t i = 0; i < launchers.size(); ++i) {
      if (launchers[i] == ended) statuses[i] = status;
    }
  }
}

// MPICH's launcher starts ranks in sessions of their own: it lives, and ends with their signal.
bool was_killed(int status) {
  return WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == SIGKILL;
}

std::string text_of(const std::string& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// The parameter is how the job saves: direct, collective, repeated, filtered, files, chunked.
class Crash : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() { ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); }

  void SetUp() override {
    root_ = fs::canonical(test::own_folder()).string();
    folder_ = root_ + "/checkpoints";
    fs::create_directory(folder_);
    path_ = folder_ + "/good.h5";
    // In memory, and with a short name, as sockets want it.
    std::string name_of_scratch = "/dev/shm/h5dcp.XXXXXX";
    ASSERT_NE(mkdtemp(name_of_scratch.data()), nullptr) << std::strerror(errno);
    scratch_ = name_of_scratch;
  }

  void TearDown() override { fs::remove_all(scratch_); }

  pid_t start(const std::vector<std::string>& arguments, int job) const {
    return launch(arguments, log(job), scratch_);
  }

  std::string log(int job) const { return root_ + "/log" + std::to_string(job); }

  std::string root_;
  std::string folder_;
  std::string path_;
  std::string scratch_;
};

TEST_P(Crash, AtEveryCallOfASave) {
  int version = 0;
  for (int rank = 0; rank < kRanks; ++rank) {
    long number = 0;
    int olds = 0;
    for (bool killed = true; killed; ++number) {
      const auto why =
          "killed at call " + std::to_string(number) + " of rank " + std::to_string(rank);
      version += 2;
      // The first save of each job is the next one after a crash: it works, and removes what that
      // left once it is old enough.
      for (const auto& left : fs::recursive_directory_iterator(folder_)) {
        fs::last_write_time(left, fs::file_time_type::clock::now() - std::chrono::hours(1));
      }
      const auto status =
          wait_for({start({H5DCP_VICTIM, "kill", GetParam(), path_, std::to_string(version),
                           std::to_string(rank), std::to_string(number)},
                          0)})[0];
      killed = was_killed(status);
      if (!killed) {
        ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
            << why << ": " << text_of(log(0));
      }
      const auto found = test::version_of(path_, why);
      ASSERT_TRUE(found) << why << ": " << text_of(log(0));
      EXPECT_TRUE(*found == version + 1 || (killed && *found == version))
          << why << ": version " << *found << " after " << version;
      if (killed) olds += *found == version ? 1 : 0;
      const auto names = test::checkpoints_in(folder_);
      EXPECT_LE(names.size(), killed ? 3U : 1U) << why;  // that of the next save is left at most
      EXPECT_LE(test::stray_data_in(folder_, path_).size(), killed ? 1U : 0U) << why;
      for (const auto& name : names) {
        fs::remove("/dev/shm/sem.OMPIO_" + name);  // Open MPI's
        EXPECT_TRUE(name == "good.h5" || (killed && name.starts_with(".good.h5."))) << why << name;
      }
    }
    EXPECT_EQ(CheckpointFile(path_).summary().format_version == 5, GetParam() == "chunked");
    const long kills = number - 1;
    EXPECT_GT(kills, 7) << "calls of rank " << rank;
    EXPECT_GT(olds, 0) << "no kill came before the rename";
    if (rank == 0) {
      EXPECT_LT(olds, kills) << "no kill came after the rename";
    }
    std::cout << "killed at each of " << kills << " calls of rank " << rank << ": " << olds
              << " times the old checkpoint stayed" << std::endl;
  }
}

TEST_P(Crash, TwoJobsSaveToOneDestination) {
  const auto first = root_ + "/pipe1";
  const auto second = root_ + "/pipe2";
  ASSERT_EQ(mkfifo(first.c_str(), 0600), 0);
  ASSERT_EQ(mkfifo(second.c_str(), 0600), 0);
  const auto& transfer = GetParam();
  if (transfer == "repeated") GTEST_SKIP() << "these jobs save once";
  for (const std::string overwrite : {"replace", "refuse"}) {
    fs::remove(path_);
    const auto statuses = wait_for(
        {start({H5DCP_VICTIM, "meet", transfer, path_, "1", overwrite, first, second}, 1),
         start({H5DCP_VICTIM, "meet", transfer, path_, "2", overwrite, second, first}, 2)});
    int saved = 0;
    for (int job : {1, 2}) {
      const int status = statuses[static_cast<std::size_t>(job - 1)];
      ASSERT_TRUE(WIFEXITED(status)) << text_of(log(job));
      const int code = WEXITSTATUS(status);
      EXPECT_TRUE(code == 0 || (code == kRefused && overwrite == "refuse"))
          << overwrite << ": job " << job << " ended with " << code << ": " << text_of(log(job));
      saved += code == 0 ? job : 0;
    }
    const auto found = test::version_of(path_, overwrite);
    if (overwrite == "replace") {
      EXPECT_EQ(saved, 1 + 2) << "both succeed";
      EXPECT_TRUE(found == 1 || found == 2);
    } else {
      EXPECT_EQ(found, saved) << "one succeeds, and the file is its";
    }
    EXPECT_EQ(test::checkpoints_in(folder_), std::vector<std::string>{"good.h5"}) << overwrite;
    for (const auto& damage : verify_checkpoint(path_)) ADD_FAILURE() << to_string(damage);
  }
}

// Another job takes no unfinished file of a live one for what a killed one left, however old it
// seems.
TEST_P(Crash, AnotherJobSavesWhileOneIsSlow) {
  const auto first = root_ + "/pipe1";
  const auto second = root_ + "/pipe2";
  ASSERT_EQ(mkfifo(first.c_str(), 0600), 0);
  ASSERT_EQ(mkfifo(second.c_str(), 0600), 0);
  if (GetParam() != "direct" && GetParam() != "files") GTEST_SKIP() << "it is the same file";
  const auto slow =
      start({H5DCP_VICTIM, "meet", GetParam(), path_, "1", "replace", first, second}, 1);
  const int in_the_middle = ::open(second.c_str(), O_RDONLY | O_CLOEXEC);  // waits for the job
  ASSERT_GE(in_the_middle, 0);
  for (const auto& file : fs::recursive_directory_iterator(folder_)) {
    fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(2));
  }
  const auto other = start({H5DCP_VICTIM, "kill", GetParam(), path_, "5", "0", "1000000"},
                           2);  // which nobody kills
  int status = -1;
  EXPECT_EQ(waitpid(other, &status, 0), other);
  EXPECT_EQ(status, 0) << text_of(log(2));
  EXPECT_EQ(test::version_of(path_, "the other job"), 6);
  const int go_on = ::open(first.c_str(), O_WRONLY | O_CLOEXEC);
  EXPECT_EQ(wait_for({slow})[0], 0) << text_of(log(1));
  ::close(in_the_middle);
  ::close(go_on);
  EXPECT_EQ(test::version_of(path_, "the slow job"), 1);
  EXPECT_EQ(test::checkpoints_in(folder_), std::vector<std::string>{"good.h5"});
}

INSTANTIATE_TEST_SUITE_P(Engines, Crash,
                         testing::Values("direct", "collective", "repeated", "filtered", "files",
                                         "chunked"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace h5dcp
