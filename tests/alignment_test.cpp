// Where data begin in the file: at multiples of what the option says, or of what suits the file
// system.

#include <gtest/gtest.h>
#include <mpi.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/copy_checkpoint.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/plan_cache.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "lov.hpp"
#include "outcome.hpp"
#include "own_folder.hpp"
#include "sample_state.hpp"
#include "shim/shim.h"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kUnit = 8192;
constexpr std::uint64_t kPage = 4096;

// Multiples of kUnit, sizes that are none, one of 64 times as much and a rest, and small ones.
const std::vector<test::Sample> kSamples{{"a.odd", DType::float32, {77, 300}},
                                         {"b.even", DType::float32, {64, 256}},
                                         {"c.small", DType::float32, {5}},
                                         {"d.twice", DType::bfloat16, {512, 128}},
                                         {"e.odd", DType::int8, {5001}},
                                         {"f.large", DType::int8, {1, 65 * 8192 + 1}},
                                         {"g.even.again", DType::float64, {8, 64, 16}}};

bool is_large(const CheckpointEntry& entry) {
  return entry.nbytes % kUnit == 0 || entry.nbytes >= 64 * kUnit;
}

class Alignment : public testing::Test {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    folder = test::own_folder();
  }

  StateDict state(bool filled) const { return test::make_state(kSamples, 0, rank, size, filled); }

  std::string path(const std::string& name) const { return folder + "/" + name + ".h5"; }

  void save_as(const std::string& name, const Hdf5Options& options, PlanCache* cache = nullptr) {
    StateDict saved = state(true);
    Hdf5Writer writer(path(name), options);
    repeated = save(saved, {.storage_writer = &writer, .plan_cache = cache}).repeated;
    if (rank == 0) {
      for (const auto& damage : verify_checkpoint(path(name))) ADD_FAILURE() << to_string(damage);
    }
    expect_loads(name, options);
  }

  void expect_loads(const std::string& name, const Hdf5Options& options) {
    StateDict loaded = state(false);
    Hdf5Reader reader(path(name), options);
    load(loaded, {.storage_reader = &reader});
    EXPECT_EQ(test::wrong_tensors(loaded), "") << name;
  }

  // On rank 0: where each tensor begins.
  std::map<std::string, std::uint64_t> addresses(const std::string& name) const {
    std::map<std::string, std::uint64_t> found;
    if (rank != 0) return found;
    const CheckpointFile file(path(name));
    for (std::size_t i = 0; i < file.size(); ++i) found[file.entry(i).fqn] = file.entry(i).address;
    return found;
  }

  void expect_aligned(const std::string& name, std::uint64_t unit) const {
    if (rank != 0) return;
    const CheckpointFile file(path(name));
    for (std::size_t i = 0; i < file.size(); ++i) {
      const auto entry = file.entry(i);
      if (entry.nbytes < kPage) continue;
      const auto multiple = is_large(entry) ? unit : kPage;
      EXPECT_EQ(entry.address % multiple, 0U) << entry.fqn;
    }
  }

  // On rank 0: all but the commit record.
  std::string contents(const std::string& name) const {
    if (rank != 0) return "";
    std::ifstream file(path(name), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {}).substr(kPage);
  }

  std::string folder;
  int rank = 0;
  int size = 0;
  bool repeated = false;
};

TEST_F(Alignment, IsThatOfTheOption) {
  for (const auto transfer :
       {Transfer::automatic, Transfer::direct, Transfer::aggregated, Transfer::collective}) {
    const auto name = std::string(to_string(transfer));
    save_as(name, {.transfer = transfer, .piece_bytes = 8192, .alignment = kUnit});
    expect_aligned(name, kUnit);
    // Equal saves are equal files.
    EXPECT_TRUE(contents(name) == contents("automatic")) << name;
  }
  save_as("pages", {.alignment = kPage});
  if (rank == 0) {
    EXPECT_NE(addresses("pages"), addresses("automatic"));
    EXPECT_LT(fs::file_size(path("automatic")), fs::file_size(path("pages")) + 2 * kUnit)
        << "what is a multiple leaves no gaps";
  }
}

TEST_F(Alignment, OfAnotherSizeIsAnotherPlan) {
  PlanCache cache;
  save_as("planned", {.alignment = kUnit}, &cache);
  EXPECT_FALSE(repeated);
  save_as("again", {.alignment = kUnit}, &cache);
  EXPECT_TRUE(repeated);
  EXPECT_TRUE(contents("again") == contents("planned"));
  save_as("other", {.alignment = kPage}, &cache);
  EXPECT_FALSE(repeated);
  save_as("fresh", {.alignment = kPage});
  EXPECT_TRUE(contents("other") == contents("fresh"));
}

TEST_F(Alignment, IsThatOfRank0) {
  save_as("mine", {.alignment = rank == 0 ? kUnit : kPage});
  expect_aligned("mine", kUnit);
}

TEST_F(Alignment, OfDataFiles) {
  for (const auto& files : {Files::number(2), Files::per_node(), Files::per_ranks(1)}) {
    const auto name = to_string(files);
    save_as(name, {.files = files, .alignment = kUnit});
    // The places of parts are in no public type: h5dcp::verify_checkpoint has seen all of them.
    if (rank == 0) copy_checkpoint(path(name), path(name + " copy"));
    MPI_Barrier(MPI_COMM_WORLD);
    expect_loads(name + " copy", {});
  }
}

TEST_F(Alignment, IsOtherwiseThatOfTheFileSystem) {
  const auto watched = fs::canonical(folder).string();
  h5dcp_shim_arm(watched.c_str(), SHIM_ALL, SHIM_NONE, 0);
  save_as("pages", {.alignment = kPage});
  const auto of_pages = addresses("pages");
  h5dcp_shim_block_bytes(kUnit);
  save_as("block", {});
  expect_aligned("block", kUnit);
  EXPECT_EQ(addresses("block") == of_pages, rank != 0);
  for (const long odd : {512L, 5000L, 1L}) {
    h5dcp_shim_block_bytes(odd);
    save_as("odd", {});
    EXPECT_EQ(addresses("odd"), of_pages) << odd;
  }
  h5dcp_shim_block_bytes(kPage);
  for (const auto& lov : {test::plain_lov(4, kUnit), test::composite_lov({4096, kUnit})}) {
    h5dcp_shim_lustre(lov.data(), lov.size());
    save_as("stripe", {});
    expect_aligned("stripe", kUnit);
    EXPECT_TRUE(contents("stripe") == contents("block"));
  }
  h5dcp_shim_lustre(nullptr, 0);
  h5dcp_shim_block_bytes(0);
  h5dcp_shim_disarm();
}

TEST_F(Alignment, IsAMultipleOfPages) {
  for (const std::uint64_t bad : {1U, 4095U, 65535U}) {
    try {
      const Hdf5Writer writer("x.h5", {.alignment = bad});
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      EXPECT_EQ(error.what(), "Hdf5Options::alignment is " + std::to_string(bad) +
                                  ": it must be a multiple of 4096");
    }
  }
}

}  // namespace
}  // namespace h5dcp
