// Every call that a save or load makes of the file system fails once: on every rank in turn, with
// each error that it may have.

#include <gtest/gtest.h>
#include <mpi.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "crash_state.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "outcome.hpp"
#include "shim/shim.h"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;
using Failure = std::optional<CheckpointException>;

struct Fault {
  h5dcp_shim_fault what;
  const char* name;
};

constexpr Fault kFaults[] = {
    {SHIM_EIO, "EIO"}, {SHIM_ENOSPC, "ENOSPC"}, {SHIM_EINTR, "EINTR"}, {SHIM_SHORT, "half"}};

class Faults : public testing::TestWithParam<Transfer> {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    folder_ = (fs::current_path() / test::name_of(GetParam())).string();
    path_ = folder_ + "/good.h5";
    if (rank_ == 0) {
      fs::remove_all(folder_);
      fs::create_directory(folder_);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    EXPECT_FALSE(try_save());
  }

  // Of the next version.
  Failure try_save() {
    auto state = test::crash_state(++version_, rank_, size_, true);
    Hdf5Writer writer(path_, {.transfer = GetParam(), .piece_bytes = test::kCrashPieceBytes});
    return test::failure_of([&] { save(state, {.storage_writer = &writer}); });
  }

  Failure try_load(StateDict& state) {
    state = test::crash_state(0, rank_, size_, false);
    Hdf5Reader reader(path_, {.transfer = GetParam(), .piece_bytes = test::kCrashPieceBytes});
    return test::failure_of([&] { load(state, {.storage_reader = &reader}); });
  }

  // The call that failed on rank `faulty`, told to all; empty if none did.
  static std::string hit(int faulty) {
    std::string text = h5dcp_shim_hit();
    int length = static_cast<int>(text.size());
    MPI_Bcast(&length, 1, MPI_INT, faulty, MPI_COMM_WORLD);
    text.resize(static_cast<std::size_t>(length));
    MPI_Bcast(text.data(), length, MPI_CHAR, faulty, MPI_COMM_WORLD);
    return text;
  }

  int rank_ = 0;
  int size_ = 1;
  int version_ = 0;
  std::string folder_;
  std::string path_;
};

TEST_P(Faults, OfEveryCallOfASave) {
  for (const auto& fault : kFaults) {
    for (int faulty = 0; faulty < size_; ++faulty) {
      long number = 0;
      for (;; ++number) {
        const int earlier = version_;
        if (rank_ == faulty) h5dcp_shim_arm(folder_.c_str(), SHIM_ALL, fault.what, number);
        const auto failure = try_save();
        h5dcp_shim_disarm();
        const auto call = hit(faulty);
        if (getenv("TRACE") && rank_ == 0) fprintf(stderr, "%s %d %ld %s -> %s\n", fault.name, faulty, number, call.c_str(), test::text_of(failure).c_str());
        const auto why = std::string(fault.name) + " at call " + std::to_string(number) +
                         " of rank " + std::to_string(faulty) + ", " + call;
        test::expect_same(MPI_COMM_WORLD, failure, why);
        if (rank_ == 0) {
          const bool renamed = failure && std::string(failure->what()).find(
                                              "is the new checkpoint") != std::string::npos;
          EXPECT_EQ(test::version_of(path_, why), !failure || renamed ? version_ : earlier) << why;
          EXPECT_TRUE(test::partials(folder_).empty()) << why;
        }
        if (fault.what == SHIM_EINTR || fault.what == SHIM_SHORT) {
          EXPECT_EQ(test::text_of(failure), "success") << why;
        }
        MPI_Barrier(MPI_COMM_WORLD);
        if (call.empty()) break;
        EXPECT_EQ(test::text_of(try_save()), "success") << "after " << why;
        if (rank_ == 0) {
          EXPECT_EQ(test::version_of(path_, why), version_) << "after " << why;
        }
      }
      EXPECT_GT(number, 8) << "calls of rank " << faulty;
      if (rank_ == 0) {
        std::printf("%s: %s at each of %ld calls of rank %d\n", test::name_of(GetParam()),
                    fault.name, number, faulty);
      }
    }
  }
}

TEST_P(Faults, OfEveryCallOfALoad) {
  for (const auto& fault : kFaults) {
    for (int faulty = 0; faulty < size_; ++faulty) {
      long number = 0;
      for (;; ++number) {
        StateDict state;
        if (rank_ == faulty) h5dcp_shim_arm(folder_.c_str(), SHIM_ALL, fault.what, number);
        const auto failure = try_load(state);
        h5dcp_shim_disarm();
        const auto call = hit(faulty);
        if (getenv("TRACE") && rank_ == 0) fprintf(stderr, "%s %d %ld %s -> %s\n", fault.name, faulty, number, call.c_str(), test::text_of(failure).c_str());
        const auto why = std::string(fault.name) + " at call " + std::to_string(number) +
                         " of rank " + std::to_string(faulty) + ", " + call;
        test::expect_same(MPI_COMM_WORLD, failure, why);
        if (!failure) {
          EXPECT_EQ(test::not_of_version(state, version_), "") << why;
        }
        if (fault.what == SHIM_EINTR || fault.what == SHIM_SHORT) {
          EXPECT_EQ(test::text_of(failure), "success") << why;
        }
        MPI_Barrier(MPI_COMM_WORLD);
        if (call.empty()) break;
        EXPECT_EQ(test::text_of(try_load(state)), "success") << "after " << why;
      }
      EXPECT_GT(number, 4) << "calls of rank " << faulty;
      if (rank_ == 0) {
        std::printf("%s: %s at each of %ld calls of rank %d\n", test::name_of(GetParam()),
                    fault.name, number, faulty);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, Faults, testing::Values(Transfer::direct, Transfer::collective),
                         [](const auto& test) { return test::name_of(test.param); });

}  // namespace
}  // namespace h5dcp
