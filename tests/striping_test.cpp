// The stripes of the files that a save makes, on what takes itself for Lustre and elsewhere.

#include <gtest/gtest.h>
#include <mpi.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "files/lustre.hpp"
#include "files/posix_file.hpp"
#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/plan_cache.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "lov.hpp"
#include "on_lustre.hpp"
#include "outcome.hpp"
#include "own_folder.hpp"
#include "sample_state.hpp"
#include "shim/shim.h"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kStripe = 65536;
const Striping kWanted{4, 2 * kStripe};

class TheStripes : public testing::Test {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    folder = test::own_folder();
    h5dcp_shim_arm(fs::canonical(folder).c_str(), SHIM_ALL, SHIM_NONE, 0);
  }
  void TearDown() override {
    h5dcp_shim_forbid(nullptr, 0);
    h5dcp_shim_lustre(nullptr, 0);
    h5dcp_shim_lustre_is_stubborn(0);
    h5dcp_shim_disarm();
  }

  std::string path(const std::string& name) const { return folder + "/" + name + ".h5"; }

  // Saves and loads again. Returns what was logged while saving.
  std::string save_as(const std::string& name, const Hdf5Options& options,
                      PlanCache* cache = nullptr) {
    std::string logged;
    Options said;
    said.log_level = LogLevel::warning;
    said.logger = [&](const LogMessage& message) {
      EXPECT_EQ(message.level, LogLevel::warning);
      EXPECT_EQ(message.rank, 0);
      logged += message.text + "\n";
    };
    StateDict saved = test::make_state(0, rank, size, true);
    Hdf5Writer writer(path(name), options);
    repeated =
        save(saved, {.storage_writer = &writer, .options = said, .plan_cache = cache}).repeated;
    if (rank == 0) {
      for (const auto& damage : verify_checkpoint(path(name))) ADD_FAILURE() << to_string(damage);
    }
    StateDict loaded = test::make_state(1, rank, size, false);
    load(loaded, {.checkpoint_id = path(name)});
    EXPECT_EQ(test::wrong_tensors(loaded), "") << name;
    return logged;
  }

  // On rank 0, which made them: of the checkpoint and of its data files.
  void expect_striped(const std::string& name, const Striping& striping, std::size_t files) const {
    if (rank != 0) return;
    std::size_t found = 0;
    for (const auto& file : fs::recursive_directory_iterator(folder)) {
      if (!file.is_regular_file() || file.path().string().find(name) == std::string::npos) continue;
      ++found;
      const PosixFile opened(file.path(), PosixFile::Mode::read);
      EXPECT_EQ(lustre::striping_of(opened.get()), striping) << file.path();
    }
    EXPECT_EQ(found, files) << name;
  }

  std::string folder;
  int rank = 0;
  int size = 0;
  bool repeated = false;
};

TEST_F(TheStripes, AreThoseOfTheOption) {
  test::be_on_lustre({1, kStripe});
  EXPECT_EQ(save_as("plain", {}), "");
  expect_striped("plain", {1, kStripe}, 1);
  EXPECT_EQ(save_as("wanted", {.striping = kWanted}), "");
  expect_striped("wanted", kWanted, 1);
  EXPECT_EQ(save_as("collective", {.transfer = Transfer::collective, .striping = kWanted}), "");
  expect_striped("collective", kWanted, 1);
  EXPECT_EQ(save_as("files", {.files = Files::number(2), .striping = kWanted}), "");
  expect_striped("files", kWanted, 3);
  EXPECT_EQ(save_as("over all", {.striping = {-1, kStripe}}), "");
  expect_striped("over all", {-1, kStripe}, 1);
}

TEST_F(TheStripes, OthersAreAnotherPlan) {
  test::be_on_lustre({1, kStripe});
  PlanCache cache;
  save_as("first", {}, &cache);
  EXPECT_EQ(save_as("second", {.striping = kWanted}, &cache), "");
  EXPECT_FALSE(repeated);
  expect_striped("second", kWanted, 1);
  EXPECT_EQ(save_as("third", {.striping = kWanted}, &cache), "");
  EXPECT_TRUE(repeated);
  expect_striped("third", kWanted, 1);
}

TEST_F(TheStripes, AreThoseOfRank0) {
  test::be_on_lustre({1, kStripe});
  EXPECT_EQ(save_as("mine", {.striping = rank == 0 ? kWanted : Striping{}}), "");
  expect_striped("mine", kWanted, 1);
}

TEST_F(TheStripes, WhereThereIsNoLustreAreLogged) {
  for (const auto& files : {Files{}, Files::number(2)}) {
    const auto logged = save_as("elsewhere", {.files = files, .striping = kWanted});
    if (rank != 0) {
      EXPECT_EQ(logged, "");
      continue;
    }
    EXPECT_TRUE(logged.starts_with("create '" + path("elsewhere") + "': '" + folder + "/"));
    EXPECT_TRUE(logged.ends_with("' has not the stripes asked for: it is not on Lustre\n"));
    EXPECT_EQ(logged.find('\n'), logged.size() - 1) << "once, however many files there are";
  }
}

TEST_F(TheStripes, ThatAreRefusedAreLogged) {
  test::be_on_lustre({1, kStripe});
  const auto expect_logged = [&](const std::string& name, const std::string& why) {
    const auto logged = save_as(name, {.striping = kWanted});
    const auto end = "has not the stripes asked for: " + why + "\n";
    EXPECT_EQ(logged.ends_with(end), rank == 0) << logged;
    expect_striped(name, {1, kStripe}, 1);
  };
  h5dcp_shim_forbid("mknod", EPERM);
  expect_logged("no files so", "mknod: Operation not permitted");
  h5dcp_shim_forbid("setxattr", EINVAL);
  expect_logged("no such stripes", "Invalid argument");
  h5dcp_shim_forbid(nullptr, 0);
}

// As with fewer targets than were asked for.
TEST_F(TheStripes, ThatAreOthersAreLogged) {
  const auto given = test::plain_lov(2, static_cast<std::uint32_t>(kWanted.bytes));
  h5dcp_shim_lustre(given.data(), given.size());
  h5dcp_shim_lustre_is_stubborn(1);
  const auto logged = save_as("fewer", {.striping = kWanted});
  EXPECT_EQ(logged.ends_with("it has stripes of 131072 bytes over 2 targets\n"), rank == 0)
      << logged;
}

TEST_F(TheStripes, DoNotKeepAFileThatIsThere) {
  test::be_on_lustre({1, kStripe});
  save_as("there", {.striping = kWanted});
  StateDict state = test::make_state(0, rank, size, true);
  Hdf5Writer writer(path("there"), {.overwrite = Overwrite::refuse, .striping = kWanted});
  const auto failure = test::failure_of([&] { save(state, {.storage_writer = &writer}); });
  test::expect_failed(failure, ErrorCode::invalid_argument, "plan", "there");
  MPI_Barrier(MPI_COMM_WORLD);
  expect_striped("there", kWanted, 1);
}

TEST_F(TheStripes, ThatLustreCannotHaveAreRefused) {
  const std::pair<Striping, std::string> cases[] = {
      {{-2, 0}, "count is -2: it must be between -1 and 2000"},
      {{2001, 0}, "count is 2001: it must be between -1 and 2000"},
      {{1, 65537}, "bytes is 65537: it must be a multiple of 65536 below 4 GiB"},
      {{1, std::uint64_t{1} << 32U}, "bytes is 4294967296: it must be a multiple of 65536 below"}};
  for (const auto& [striping, why] : cases) {
    try {
      const Hdf5Writer writer("x.h5", {.striping = striping});
      ADD_FAILURE() << why;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      EXPECT_TRUE(std::string(error.what()).starts_with("Hdf5Options::striping." + why))
          << error.what();
    }
  }
}

}  // namespace
}  // namespace h5dcp
