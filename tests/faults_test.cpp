// Every call that a save or load makes of the file system fails once: on each rank in turn, with
// each error that it may have.

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <mpi.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <functional>
#include <iostream>
#include <set>
#include <string>

#include "crash_state.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "on_lustre.hpp"
#include "outcome.hpp"
#include "own_folder.hpp"
#include "shim/shim.h"

// What HDF5 reads and writes of its own when a file or dataset is opened or closed for writing, and
// what MPI-IO does to open a file, is left alone: when that fails on one rank, HDF5 1.10 and Open
// MPI 4.1 leave the other ranks waiting for it. So the library's calls of HDF5 pass through here.
namespace {

bool leave_datasets_alone = true;

template <class Function, class... Arguments>
auto uncounted(Function* /*type*/, const char* name, bool leave_alone, Arguments... arguments) {
  const auto real = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
  if (leave_alone) h5dcp_shim_pause(1);
  const auto result = real(arguments...);
  if (leave_alone) h5dcp_shim_pause(0);
  return result;
}

}  // namespace

hid_t H5Fopen(const char* path, unsigned flags, hid_t access) {
  return uncounted(&H5Fopen, "H5Fopen", true, path, flags, access);
}
herr_t H5Fclose(hid_t file) {
  return uncounted(&H5Fclose, "H5Fclose", true, file);
}
hid_t H5Dopen2(hid_t file, const char* name, hid_t access) {
  return uncounted(&H5Dopen2, "H5Dopen2", leave_datasets_alone, file, name, access);
}
herr_t H5Dclose(hid_t dataset) {
  return uncounted(&H5Dclose, "H5Dclose", leave_datasets_alone, dataset);
}

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

struct Way {
  const char* name;
  Transfer transfer;
  Filters filters = {};
  Files files = {};
  Layout layout = Layout::contiguous;
  Striping striping = {};
};

class Faults : public testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    folder_ = fs::canonical(test::own_folder()).string();
    path_ = folder_ + "/good.h5";
    EXPECT_EQ(test::text_of(try_save()), "success");
  }

  static bool is_striped() { return GetParam().striping != Striping{}; }

  // Of the next version.
  Failure try_save(Overwrite overwrite = Overwrite::replace) {
    auto state = test::crash_state(++version_, rank_, size_, true);
    Hdf5Writer writer(path_, {.transfer = GetParam().transfer,
                              .overwrite = overwrite,
                              .piece_bytes = test::kCrashPieceBytes,
                              .filters = GetParam().filters,
                              .files = GetParam().files,
                              .striping = GetParam().striping,
                              .layout = GetParam().layout});
    if (is_striped()) test::be_on_lustre(test::kOtherStriping);
    return test::failure_of([&] {
      repeated_ =
          save(state, {.storage_writer = &writer, .plan_cache = cache_ ? &*cache_ : nullptr})
              .repeated;
    });
  }

  Failure try_load(StateDict& state) {
    state = test::crash_state(0, rank_, size_, false);
    Hdf5Reader reader(path_,
                      {.transfer = GetParam().transfer, .piece_bytes = test::kCrashPieceBytes});
    return test::failure_of([&] { load(state, {.storage_reader = &reader}); });
  }

  // The version at path_, on rank 0; no unfinished file is there.
  void expect_version(int version, const std::string& why) {
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank_ == 0) {
      EXPECT_EQ(test::version_of(path_, why), version) << why;
      EXPECT_EQ(test::checkpoints_in(folder_), std::vector<std::string>{"good.h5"}) << why;
      // If a save cannot remove the data files that it has replaced, a later one does.
      const auto strays = test::stray_data_in(folder_, path_);
      EXPECT_LE(strays.size(), 1U) << why;
      for (const auto& stray : strays) fs::remove_all(folder_ + "/" + stray);
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }

  // Calls `attempt`, which ends alike on all ranks, with a fault at each of its calls, and
  // `judge(failure, survived, why)` after each. `survived`: this fault must not be seen.
  void sweep(const std::function<Failure()>& attempt,
             const std::function<void(const Failure&, bool, const std::string&)>& judge) {
    for (const auto& fault : kFaults) {
      for (int faulty = 0; faulty < size_; ++faulty) {
        long number = 0;
        for (;; ++number) {
          if (rank_ == faulty) h5dcp_shim_arm(folder_.c_str(), SHIM_ALL, fault.what, number);
          const auto failure = attempt();
          const long counted = h5dcp_shim_disarm();
          int hit = counted > number ? 1 : 0;
          MPI_Bcast(&hit, 1, MPI_INT, faulty, MPI_COMM_WORLD);
          const std::string call = rank_ == faulty ? h5dcp_shim_hit() : "";
          if (faulty == rank_) hit_.insert(call.substr(0, call.find(' ')));
          const auto why = std::string(fault.name) + " at call " + std::to_string(number) +
                           " of rank " + std::to_string(faulty) + " " + call;
          test::expect_same(MPI_COMM_WORLD, failure, why);
          judge(failure, hit == 0 || fault.what == SHIM_EINTR || fault.what == SHIM_SHORT, why);
          if (hit == 0) break;
        }
        EXPECT_GT(number, 10) << "calls of rank " << faulty;
        if (rank_ == 0) {
          std::cout << fault.name << " at each of " << number << " calls of rank " << faulty
                    << std::endl;
        }
      }
    }
  }

  // Of each call of a save, which repeats the one before it if there is a cache.
  void sweep_saves() {
    leave_datasets_alone = true;
    int earlier = 0;
    auto before = test::names_in(folder_);
    sweep(
        [&] {
          earlier = version_;
          return try_save();
        },
        [&](const Failure& failure, bool survived, const std::string& why) {
          const auto text = test::text_of(failure);
          const bool visible = !failure || text.find("is the new checkpoint") != text.npos;
          if (!visible && rank_ == 0) {  // which removes what it has made
            EXPECT_EQ(test::names_in(folder_), before) << why;
          }
          expect_version(visible ? version_ : earlier, why);
          if (survived && !excused(text)) {
            EXPECT_EQ(text, "success") << why;
          }
          if (!failure) {
            EXPECT_EQ(repeated_, cache_.has_value()) << why;
            before = test::names_in(folder_);
            return;
          }
          EXPECT_EQ(failure->code(), ErrorCode::io) << why << ": " << text;
          EXPECT_EQ(test::text_of(try_save()), "success") << "after " << why;
          EXPECT_FALSE(repeated_) << "after " << why;
          expect_version(version_, "after " + why);
          before = test::names_in(folder_);
        });
    EXPECT_EQ(CheckpointFile(path_).summary().format_version == 5,
              GetParam().layout == Layout::chunk_per_shard);
    const bool makes_files = rank_ == 0;
    for (const auto* call : {"mknod", "setxattr"}) {
      EXPECT_EQ(hit_.contains(call), makes_files && is_striped()) << call;
    }
  }

  // Whether this is how HDF5 or MPI-IO fail after a call that was interrupted, or did half: neither
  // tries again. Open MPI's then takes a part that was not read for read: the checksum tells.
  static bool excused(const std::string& text) {
    const auto says = [&](const char* words) { return text.find(words) != text.npos; };
    return says("unable to open file") ||
           (GetParam().transfer == Transfer::collective &&
            (says("collective H5D") || says("open dataset") || says("MPI-IO was given") ||
             says("do not match their checksum")));
  }

  int rank_ = 0;
  int size_ = 1;
  int version_ = 0;
  std::set<std::string> hit_;  // calls of this rank that failed
  std::optional<PlanCache> cache_;
  bool repeated_ = false;  // the last save that succeeded
  std::string folder_;
  std::string path_;
};

TEST_P(Faults, OfEveryCallOfASave) {
  sweep_saves();
}

TEST_P(Faults, OfEveryCallOfARepeatedSave) {
  if (std::string(GetParam().name) != "direct") GTEST_SKIP() << "it repeats no save";
  cache_.emplace();
  EXPECT_EQ(test::text_of(try_save()), "success");
  sweep_saves();
}

TEST_P(Faults, OfEveryCallOfALoad) {
  leave_datasets_alone = false;
  StateDict state;
  sweep([&] { return try_load(state); },
        [&](const Failure& failure, bool survived, const std::string& why) {
          const auto text = test::text_of(failure);
          if (survived && !excused(text)) {
            EXPECT_EQ(text, "success") << why;
          }
          if (failure) {
            EXPECT_EQ(test::text_of(try_load(state)), "success") << "after " << why;
          }
          EXPECT_EQ(test::not_of_version(state, version_), "") << why;
        });
}

// Each call of one function fails, while a save is on its way.
TEST_P(Faults, OfWhatAFileSystemCannotDo) {
  struct Case {
    const char* function;
    int error;
    bool fails;
    Overwrite overwrite;
  };
  const Case cases[] = {
      {"memfd_create", ENOSYS, false, Overwrite::replace},  // a container forbids it
      {"memfd_create", EPERM, false, Overwrite::replace},
      {"fallocate", EOPNOTSUPP, false, Overwrite::replace},
      {"fallocate", EINVAL, false, Overwrite::replace},
      {"fallocate", EPERM, false, Overwrite::replace},  // a container forbids it
      {"fallocate", ENOSPC, true, Overwrite::replace},
      {"fallocate", EDQUOT, true, Overwrite::replace},
      {"fallocate", EIO, true, Overwrite::replace},
      {"renameat2", EINVAL, false, Overwrite::refuse},  // then it is a link
      {"renameat2", EIO, true, Overwrite::refuse},
      {"rename", EIO, true, Overwrite::replace},
  };
  for (const auto& c : cases) {
    const auto why = std::string(c.function) + " " + std::to_string(c.error);
    const bool refuse = c.overwrite == Overwrite::refuse;
    if (refuse && rank_ == 0) fs::remove(path_);
    MPI_Barrier(MPI_COMM_WORLD);
    const int earlier = version_;
    h5dcp_shim_arm(folder_.c_str(), SHIM_ALL, SHIM_NONE, 0);
    h5dcp_shim_forbid(c.function, c.error);
    const auto failure = try_save(c.overwrite);
    h5dcp_shim_forbid(nullptr, 0);
    h5dcp_shim_disarm();
    test::expect_same(MPI_COMM_WORLD, failure, why);
    EXPECT_EQ(failure.has_value(), c.fails) << why << ": " << test::text_of(failure);
    if (refuse && c.fails) {
      EXPECT_FALSE(fs::exists(path_)) << why;
      EXPECT_EQ(test::text_of(try_save()), "success") << "after " << why;
    }
    expect_version(c.fails && !refuse ? earlier : version_, why);
    if (c.fails) --version_;
    EXPECT_EQ(test::text_of(try_save()), "success") << "after " << why;
  }
}

// A rename reports an error, and nobody can look whether it took place.
TEST_P(Faults, OfARenameOfWhichNobodyKnowsTheOutcome) {
  const auto data_folders = [&] {
    auto names = test::names_in(folder_);
    std::erase_if(names, [](const std::string& name) { return !name.ends_with(".data"); });
    return names;
  };
  for (const bool takes_place : {true, false}) {
    const std::string rename = takes_place ? "answer of rename" : "rename";
    for (const bool can_look : {true, false}) {
      const auto why = rename + (can_look ? "" : ", lstat");
      const int earlier = version_;
      const auto before = test::names_in(folder_);
      const auto old_data = data_folders();
      h5dcp_shim_arm(folder_.c_str(), SHIM_ALL, SHIM_NONE, 0);
      h5dcp_shim_forbid((rename + (can_look ? "" : "|lstat")).c_str(), EIO);
      const auto failure = try_save();
      h5dcp_shim_forbid(nullptr, 0);
      h5dcp_shim_disarm();
      test::expect_same(MPI_COMM_WORLD, failure, why);
      const auto text = test::text_of(failure);
      MPI_Barrier(MPI_COMM_WORLD);
      if (rank_ == 0) {
        EXPECT_EQ(test::version_of(path_, why), takes_place ? version_ : earlier) << text;
        EXPECT_EQ(failure.has_value(), !(takes_place && can_look)) << why << text;
        EXPECT_EQ(text.find("Whether it took place is unknown") != text.npos, !can_look) << text;
        if (!can_look) {
          for (const auto& folder : old_data) {
            EXPECT_TRUE(fs::exists(folder_ + "/" + folder)) << why << ": nothing is removed";
          }
          // The unfinished file, if it still has that name, and its data files.
          EXPECT_EQ(test::checkpoints_in(folder_).size(), takes_place ? 1U : 2U) << why;
          EXPECT_EQ(data_folders().size(), 2 * old_data.size()) << why;
        } else if (!takes_place) {
          EXPECT_EQ(test::names_in(folder_), before) << why;
        }
        for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
          fs::last_write_time(entry, fs::file_time_type::clock::now() - std::chrono::hours(2));
        }
      }
      MPI_Barrier(MPI_COMM_WORLD);
      EXPECT_EQ(test::text_of(try_save()), "success") << "after " << why;
      expect_version(version_, "after " + why);
    }
  }
}

// Where there are no locks only the time tells that nobody writes an unfinished file.
TEST_P(Faults, OfLocks) {
  const auto left = folder_ + "/.good.h5.0123456789abcdef.partial";
  for (const auto age : {std::chrono::minutes(50), std::chrono::minutes(70)}) {
    if (rank_ == 0) {
      fs::copy_file(path_, left);
      fs::last_write_time(left, fs::file_time_type::clock::now() - age);
    }
    h5dcp_shim_arm(folder_.c_str(), SHIM_ALL, SHIM_NONE, 0);
    h5dcp_shim_forbid("fcntl lock", ENOLCK);
    EXPECT_EQ(test::text_of(try_save()), "success");
    h5dcp_shim_forbid(nullptr, 0);
    h5dcp_shim_disarm();
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank_ == 0) {
      EXPECT_EQ(fs::exists(left), age < std::chrono::hours(1));
      fs::remove(left);
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }
}

// A folder that cannot be brought to the disk is found before anything is written, unless the file
// system does not offer that.
TEST_P(Faults, OfAFolderThatCannotBeSynced) {
  const auto before = test::names_in(folder_);
  for (const int error : {EINVAL, EIO}) {
    const auto why = "fsync of the folder: " + std::to_string(error);
    const int earlier = version_;
    h5dcp_shim_arm(folder_.c_str(), SHIM_ALL, SHIM_NONE, 0);
    h5dcp_shim_forbid("fsync of a folder", error);
    const auto failure = try_save();
    h5dcp_shim_forbid(nullptr, 0);
    h5dcp_shim_disarm();
    test::expect_same(MPI_COMM_WORLD, failure, why);
    EXPECT_EQ(failure.has_value(), error == EIO) << why << ": " << test::text_of(failure);
    if (failure) {
      const std::string what = failure->what();
      EXPECT_NE(what.find("create '" + path_ + "': bring '" + folder_ + "' to the disk (fsync)"),
                what.npos)
          << what;
      EXPECT_NE(what.find("Input/output error"), what.npos) << what;
      version_ = earlier;
    }
    expect_version(version_, why);
  }
  EXPECT_EQ(test::names_in(folder_).size(), before.size());
}

// A file system with neither RENAME_NOREPLACE nor links cannot refuse: that, too, is found before
// anything is written. It can replace.
TEST_P(Faults, OfARefusalThatTheFileSystemDoesNotOffer) {
  const int earlier = version_;
  auto other = folder_ + "/other.h5";
  const auto before = test::names_in(folder_);
  for (const int error : {EINVAL, ENOTSUP}) {
    h5dcp_shim_arm(folder_.c_str(), SHIM_ALL, SHIM_NONE, 0);
    h5dcp_shim_forbid("renameat2|link", error);
    std::swap(path_, other);
    const auto failure = try_save(Overwrite::refuse);
    std::swap(path_, other);
    const auto replaced = try_save();
    h5dcp_shim_forbid(nullptr, 0);
    h5dcp_shim_disarm();
    test::expect_same(MPI_COMM_WORLD, failure, "no way to refuse");
    const auto text = test::text_of(failure);
    EXPECT_NE(text.find("create '" + other + "': the file system of '" + other), text.npos) << text;
    EXPECT_NE(text.find("choose Overwrite::replace"), text.npos) << text;
    EXPECT_TRUE(failure && failure->code() == ErrorCode::unsupported) << text;
    EXPECT_EQ(test::text_of(replaced), "success");
  }
  expect_version(earlier + 4, "after what could not be refused");
  EXPECT_EQ(test::names_in(folder_).size(), before.size());
}

INSTANTIATE_TEST_SUITE_P(
    Engines, Faults,
    testing::Values(
        Way{"direct", Transfer::direct}, Way{"collective", Transfer::collective},
        Way{"filtered", Transfer::direct, {.compression = Compression::deflate, .shuffle = true}},
        Way{"files", Transfer::automatic, {}, Files::per_ranks(1)},
        Way{"chunked",
            Transfer::aggregated,
            {},
            {},
            Layout::chunk_per_shard,
            test::kCrashStriping}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace h5dcp
