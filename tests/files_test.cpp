// Checkpoints with data files: what n ranks save, m ranks load, and each file is what it should be.

#include "h5dcp/files.hpp"

#include <gtest/gtest.h>
#include <mpi.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/whole_box.hpp"
#include "descriptor_limit.hpp"
#include "h5dcp/bytes.hpp"
#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/copy_checkpoint.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/plan_cache.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "h5dcp/verify.hpp"
#include "layout/record.hpp"
#include "outcome.hpp"
#include "sample_state.hpp"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;

// Some that stay in the checkpoint itself, and some that do not.
std::vector<test::Sample> all_samples() {
  auto samples = test::samples();
  samples.push_back({"large", DType::float32, {70, 600}});
  samples.push_back({"large.inner", DType::bfloat16, {64, 31, 33}});  // a group and a dataset
  samples.push_back({"other.large", DType::int64, {9001}});
  samples.push_back({"odd/%name", DType::uint8, {300, 300}});
  return samples;
}

StateDict make_state(int way, int rank, int size, bool filled) {
  StateDict state = test::make_state(all_samples(), way, rank, size, filled);
  state["step"] = filled ? Value(17) : Value(0);
  return state;
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& file : fs::directory_iterator(folder)) names.insert(file.path().filename());
  return names;
}

struct Way {
  const char* name;
  Files files;
  int most_files;  // of data, at 7 ranks
};

class FilesOf : public testing::TestWithParam<Way> {};

TEST_P(FilesOf, LoadBitForBitAtEveryPairOfSizes) {
  const auto options = [](int number) {
    const Transfer ways[] = {Transfer::direct, Transfer::aggregated, Transfer::automatic};
    return Hdf5Options{
        .transfer = ways[number % 3], .piece_bytes = 8192, .files = GetParam().files};
  };
  for (const int n : test::sizes_here()) {
    const auto folder = std::string(GetParam().name) + "_" + std::to_string(n);
    const auto path = folder + "/saved.h5";
    test::on_ranks(n, [&](MPI_Comm comm, int rank) {
      if (rank == 0) fs::remove_all(folder);
      MPI_Barrier(comm);
      StateDict state = make_state(n, rank, n, true);
      Hdf5Writer writer(path, options(n));
      for (int time = 0; time < 2; ++time) save(state, {.storage_writer = &writer, .comm = comm});
      std::string told;
      VerifyArguments tell;
      tell.tell = [&](int, const Damage& damage) { told += to_string(damage) + "\n"; };
      EXPECT_EQ(verify_checkpoint(Comm(comm), path, tell), 0U) << told;
      if (rank != 0) return;
      const CheckpointFile file(path);
      const auto count = file.summary().data_files;
      EXPECT_EQ(file.summary().format_version, 3U);
      EXPECT_GE(count, 1U);
      EXPECT_LE(count, static_cast<std::uint32_t>(GetParam().most_files));
      EXPECT_EQ(names_in(folder).size(), 2U) << "those of the first save are gone";
      EXPECT_EQ(names_in(fs::path(file.data_file_path(1)).parent_path()).size(), count);
      for (const auto& damage : verify_checkpoint(path)) ADD_FAILURE() << to_string(damage);
      EXPECT_TRUE(file.data_file_faults().empty());
      EXPECT_TRUE(file.entry(file.find("vector").value()).data_files.empty()) << "it is small";
      EXPECT_FALSE(file.entry(file.find("large").value()).data_files.empty());
      EXPECT_LT(file.summary().file_bytes, file.summary().data_bytes);
    });
    for (const int m : test::partners_here(n)) {
      test::on_ranks(m, [&](MPI_Comm comm, int rank) {
        StateDict state = make_state(n + m, rank, m, false);
        Hdf5Reader reader(path, options(n + m));
        load(state, {.storage_reader = &reader, .comm = comm});
        EXPECT_EQ(test::wrong_tensors(state), "") << n << " -> " << m;
        EXPECT_TRUE(state["step"] == Value(17));
      });
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, FilesOf,
                         testing::Values(Way{"one_data_file", Files::number(1), 1},
                                         Way{"three", Files::number(3), 3},
                                         Way{"per_node", Files::per_node(), 1},
                                         Way{"per_rank", Files::per_ranks(1), 7},
                                         Way{"per_two_ranks", Files::per_ranks(2), 4}),
                         [](const auto& test) { return std::string(test.param.name); });

class DataFiles : public testing::Test {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    if (rank_ == 0) fs::remove_all(folder_);
    MPI_Barrier(MPI_COMM_WORLD);
    try_save(path_, {.files = Files::number(2)});
    file_ = CheckpointFile(path_).data_file_path(2);
  }

  std::optional<CheckpointException> try_save(const std::string& path, const Hdf5Options& options) {
    StateDict state = make_state(1, rank_, size_, true);
    return test::failure_of([&] {
      Hdf5Writer writer(path, options);
      save(state, {.storage_writer = &writer});
    });
  }

  // In which the values that are there are right.
  std::optional<CheckpointException> try_load(Transfer transfer = Transfer::direct) {
    StateDict state = make_state(2, rank_, size_, false);
    Hdf5Reader reader(path_, {.transfer = transfer});
    auto failure = test::failure_of([&] { load(state, {.storage_reader = &reader}); });
    if (!failure) {
      EXPECT_EQ(test::wrong_tensors(state), "");
    }
    return failure;
  }

  // On rank 0, while the others wait.
  void on_first_rank(const std::function<void()>& work) const {
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank_ == 0) work();
    MPI_Barrier(MPI_COMM_WORLD);
  }

  // How it is told that data file 2 is not what it was.
  void expect_fault(const std::string& what, const std::string& why) {
    const auto failure = try_load();
    const auto text = test::text_of(failure);
    test::expect_same(MPI_COMM_WORLD, failure, why);
    EXPECT_NE(text.find("data file 2, '" + file_ + "': "), text.npos) << why << ": " << text;
    EXPECT_NE(text.find(what), text.npos) << why << ": " << text;
    if (failure) {
      EXPECT_EQ(failure->code(), ErrorCode::corrupt) << why;
    }
    std::uint64_t damages = 0;
    EXPECT_FALSE(test::failure_of([&] {
      damages = verify_checkpoint(Comm(MPI_COMM_WORLD), path_);
    })) << why;
    EXPECT_EQ(damages, 1U) << why;
    on_first_rank([&] {
      const auto alone = verify_checkpoint(path_);
      ASSERT_EQ(alone.size(), 1U) << why;
      EXPECT_NE(to_string(alone[0]).find(what), std::string::npos) << why << alone[0].what;
      const auto faults = CheckpointFile(path_).data_file_faults();
      ASSERT_EQ(faults.size(), 1U) << why;
      EXPECT_NE(faults[0].find(what), std::string::npos) << why << faults[0];
    });
  }

  int rank_ = 0;
  int size_ = 1;
  const std::string folder_ = "faults";
  const std::string path_ = folder_ + "/saved.h5";
  std::string file_;  // data file 2
};

TEST_F(DataFiles, ThatAreNotWhatTheyWereAreTold) {
  on_first_rank([&] { fs::rename(file_, file_ + ".away"); });
  expect_fault("it is missing", "missing");
  on_first_rank([&] {
    fs::copy_file(file_ + ".away", file_);
    fs::resize_file(file_, fs::file_size(file_) - 1);
  });
  expect_fault("it was cut or added to", "cut");
  on_first_rank([&] { fs::resize_file(file_, 100); });
  expect_fault("too short", "cut in its record");
  on_first_rank([&] {
    fs::copy_file(CheckpointFile(path_).data_file_path(1), file_,
                  fs::copy_options::overwrite_existing);
  });
  expect_fault("it is data file 1 of the checkpoint", "replaced by another one of the checkpoint");
  EXPECT_EQ(test::text_of(try_save("faults/other.h5", {.files = Files::number(2)})), "success");
  on_first_rank([&] {
    fs::copy_file(CheckpointFile("faults/other.h5").data_file_path(2), file_,
                  fs::copy_options::overwrite_existing);
  });
  expect_fault("it is of another checkpoint, or of another save", "replaced by another save's");
  on_first_rank([&] { fs::rename(file_ + ".away", file_); });
  EXPECT_EQ(test::text_of(try_load()), "success");
}

TEST_F(DataFiles, AreNoCheckpoints) {
  on_first_rank([&] {
    try {
      const CheckpointFile file(file_);
      ADD_FAILURE() << "opened";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt);
      EXPECT_NE(std::string(error.what()).find("it is data file 2 of a checkpoint"),
                std::string::npos)
          << error.what();
    }
  });
}

TEST_F(DataFiles, HaveEveryByteCovered) {
  if (rank_ > 0) return;
  std::ifstream stream(file_, std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(stream), {}};
  const CheckpointFile file(path_);
  for (std::size_t byte = 1; byte < good.size(); byte += 1 + good.size() / 150) {
    auto bad = good;
    bad[byte] = static_cast<char>(bad[byte] ^ (1 << byte % 8));
    std::ofstream(file_, std::ios::binary) << bad;
    const auto damages = verify_checkpoint(path_);
    ASSERT_EQ(damages.size(), 1U) << byte;
    const auto text = to_string(damages[0]);
    EXPECT_NE(text.find(file_), std::string::npos) << byte << ": " << text;
    if (byte < 4096) continue;
    EXPECT_EQ(damages[0].file, file_) << byte;
    EXPECT_LE(damages[0].address, byte);
    EXPECT_GT(damages[0].address + damages[0].nbytes, byte);
    if (damages[0].fqn.empty()) continue;
    const auto entry = file.entry(file.find(damages[0].fqn).value());
    EXPECT_EQ(entry.data_files, std::vector<std::uint32_t>{2}) << byte;
    try {
      const auto tensor = file.tensor(file.find(damages[0].fqn).value());
      tensor.read(*damages[0].box, allocate(entry.dtype, damages[0].box->sizes));
      ADD_FAILURE() << byte << ": read a damaged block";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt);
      EXPECT_NE(std::string(error.what()).find("of data file 2"), std::string::npos)
          << error.what();
    }
  }
  std::ofstream(file_, std::ios::binary) << good;
  EXPECT_TRUE(verify_checkpoint(path_).empty());
}

TEST_F(DataFiles, AreForOptionsThatGoTogether) {
  const auto refused = [&](const Hdf5Options& options) {
    try {
      const Hdf5Writer writer("never.h5", options);
      return std::string("it is not");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      return std::string(error.what());
    }
  };
  EXPECT_EQ(refused({.transfer = Transfer::collective, .files = Files::per_node()}),
            "Hdf5Options::files is 'per node': Transfer::collective makes one file");
  EXPECT_EQ(refused({.filters = {.shuffle = true}, .files = Files::number(3)}),
            "Hdf5Options::files is 'number 3': that takes tensors without filters");
  EXPECT_EQ(refused({.files = Files::number(0)}),
            "Hdf5Options::files is 'number 0': it must be between 1 and 65536");
  const auto failure = try_load(Transfer::collective);
  EXPECT_NE(test::text_of(failure).find("reads no checkpoint with data files"), std::string::npos);
  if (size_ == 1) return;
  const bool last = rank_ == size_ - 1;
  for (const auto& other : {Files(), Files::number(3), Files::per_ranks(2), Files::per_node()}) {
    const auto mixed = try_save("mixed.h5", {.files = last ? other : Files::per_ranks(1)});
    const auto text = test::text_of(mixed);
    EXPECT_NE(text.find("all ranks must choose the same"), text.npos) << text;
    on_first_rank([&] { EXPECT_FALSE(fs::exists("mixed.h5")); });
  }
}

TEST_F(DataFiles, LeaveAPlanCacheToPlan) {
  PlanCache cache;
  for (int time = 0; time < 2; ++time) {
    StateDict state = make_state(1, rank_, size_, true);
    Hdf5Writer writer(path_, {.files = Files::per_ranks(2)});
    EXPECT_FALSE(save(state, {.storage_writer = &writer, .plan_cache = &cache}).repeated);
    EXPECT_EQ(test::text_of(try_load()), "success");
  }
}

TEST_F(DataFiles, AreFoundThroughALinkAndUnderAnotherName) {
  on_first_rank([&] {
    fs::create_directories("faults/elsewhere");
    fs::create_symlink("../saved.h5", "faults/elsewhere/link.h5");
    EXPECT_TRUE(verify_checkpoint("faults/elsewhere/link.h5").empty());
    fs::rename(path_, folder_ + "/renamed.h5");
    EXPECT_TRUE(verify_checkpoint(folder_ + "/renamed.h5").empty());
  });
  // A save to the old name finds the old folder, old enough, and that the other checkpoint has it.
  const auto age = [&] {
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      if (entry.is_symlink()) continue;
      fs::last_write_time(entry, fs::file_time_type::clock::now() - std::chrono::hours(1));
    }
  };
  on_first_rank(age);
  EXPECT_EQ(test::text_of(try_save(path_, {})), "success");
  on_first_rank([&] {
    EXPECT_TRUE(verify_checkpoint(folder_ + "/renamed.h5").empty());
    EXPECT_EQ(CheckpointFile(path_).summary().format_version, 1U);
    fs::remove(folder_ + "/renamed.h5");
    age();
  });
  EXPECT_EQ(test::text_of(try_save(path_, {})), "success");
  on_first_rank([&] {
    EXPECT_EQ(names_in(folder_), (std::set<std::string>{"saved.h5", "elsewhere"}))
        << "nobody has it now";
  });
}

TEST_F(DataFiles, StayWhileAnotherCheckpointRefersToThem) {
  const auto copy = folder_ + "/copy.h5";
  for (const auto how : {"cp", "ln"}) {
    on_first_rank([&] {
      if (how == std::string("cp")) {
        fs::copy_file(path_, copy);
      } else {
        fs::create_hard_link(path_, copy);
      }
    });
    EXPECT_EQ(test::text_of(try_save(path_, {.files = Files::number(2)})), "success");
    on_first_rank([&] {
      for (const auto& damage : verify_checkpoint(copy)) ADD_FAILURE() << how << to_string(damage);
      // And if the copy is what is replaced, copied over or moved.
      fs::remove(copy);
      fs::copy_file(path_, copy);
      copy_checkpoint(path_, folder_ + "/third.h5", Overwrite::replace);
      copy_checkpoint(folder_ + "/third.h5", copy, Overwrite::replace);
      EXPECT_TRUE(verify_checkpoint(path_).empty()) << how << ": the copy was replaced";
      fs::remove(copy);
      fs::copy_file(path_, copy);
      move_checkpoint(path_, folder_ + "/third.h5", Overwrite::replace);
      EXPECT_TRUE(verify_checkpoint(copy).empty()) << how << ": the original was moved";
      fs::rename(copy, path_);
      fs::remove(folder_ + "/third.h5");
    });
  }
}

TEST_F(DataFiles, AreTheOnlyOnesThatGo) {
  const auto age = [&] {
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      fs::last_write_time(entry, fs::file_time_type::clock::now() - std::chrono::hours(2));
    }
  };
  const auto own = fs::path(file_).parent_path();
  const std::string notes = "mine";
  const auto write_notes = [&](const fs::path& file) {
    fs::create_directories(file.parent_path());
    std::ofstream(file) << notes;
  };
  const auto expect_notes = [&](const fs::path& file) {
    std::ifstream stream(file);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(stream), {}), notes) << file;
  };
  const std::vector<fs::path> others{
      "thesis/1.h5", "saved.h5.validation-split.data/1.h5", "saved.h5.0123456789abcdef.data/1.h5",
      "saved.h5.0123456789abcdee.data/notes.txt", "saved.h5.0123456789ABCDEF.data/1.h5"};
  // Every one of them is what the record of the checkpoint that is replaced names, once.
  for (const auto& other : others) {
    on_first_rank([&] {
      for (const auto& file : others) write_notes(folder_ / file);
      std::fstream stream(path_, std::ios::in | std::ios::out | std::ios::binary);
      Bytes start(kRecordBytes);
      stream.read(reinterpret_cast<char*>(start.data()), kRecordBytes);
      Record record = decode_record(start);
      record.data_files = 2;
      record.data_folder = other.parent_path().string();
      start = encode_record(record);
      stream.seekp(0);
      stream.write(reinterpret_cast<const char*>(start.data()), kRecordBytes);
      stream.close();
      age();
    });
    EXPECT_EQ(test::text_of(try_save(path_, {})), "success") << other;
    on_first_rank([&] {
      for (const auto& file : others) expect_notes(folder_ / file);
    });
  }
  on_first_rank([&] { EXPECT_FALSE(fs::exists(own)) << "nothing refers to it"; });

  // What is no data file stays, with its folder.
  EXPECT_EQ(test::text_of(try_save(path_, {.files = Files::number(2)})), "success");
  fs::path kept;
  on_first_rank([&] {
    kept = fs::path(CheckpointFile(path_).data_file_path(1)).parent_path();
    write_notes(kept / "notes.txt");
    write_notes(kept / "7.h5");
    write_notes(kept / "inner" / "1.h5");
    fs::copy_file(kept / "1.h5", kept / "9.h5");  // another number than that of its record
  });
  EXPECT_EQ(test::text_of(try_save(path_, {.files = Files::number(2)})), "success");
  on_first_rank([&] {
    EXPECT_EQ(names_in(kept), (std::set<std::string>{"7.h5", "9.h5", "inner", "notes.txt"}));
    expect_notes(kept / "inner" / "1.h5");
  });
}

TEST_F(DataFiles, AreAsAccessibleAsWhatTheyReplace) {
  const auto mode_of = [](const fs::path& path) { return fs::status(path).permissions(); };
  const auto bits = [](unsigned mode) { return static_cast<fs::perms>(mode); };
  for (const unsigned mode : {0600U, 0640U, 0400U}) {
    on_first_rank([&] { fs::permissions(path_, bits(mode)); });
    EXPECT_EQ(test::text_of(try_save(path_, {.files = Files::number(2)})), "success");
    on_first_rank([&] {
      const fs::path data = CheckpointFile(path_).data_file_path(1);
      EXPECT_EQ(mode_of(path_), bits(mode));
      EXPECT_EQ(mode_of(data), bits(mode));
      EXPECT_EQ(mode_of(data.parent_path()), bits(mode == 0640 ? 0750 : 0700));
    });
    EXPECT_EQ(test::text_of(try_load()), "success");
  }
}

TEST_F(DataFiles, MayBeMoreThanAProcessCanOpen) {
  constexpr int kFiles = 80;
  std::vector<test::Sample> samples;
  for (int i = 0; i < kFiles; ++i) {
    samples.push_back({"tensor" + std::to_string(i), DType::float32, {32, 40}});
  }
  const test::DescriptorLimit limit(64);
  const auto path = folder_ + "/many.h5";
  const auto copy = folder_ + "/copy.h5";
  for (const auto transfer : {Transfer::direct, Transfer::aggregated, Transfer::automatic}) {
    const Hdf5Options options{.transfer = transfer, .files = Files::number(kFiles)};
    PlanCache cache;
    StateDict state = test::make_state(samples, 1, rank_, size_, true);
    for (int time = transfer == Transfer::direct ? 0 : 1; time < 2; ++time) {
      const auto saved = test::failure_of([&] {
        Hdf5Writer writer(path, options);
        save(state, {.storage_writer = &writer, .plan_cache = &cache});
      });
      EXPECT_EQ(test::text_of(saved), "success") << to_string(transfer);
    }
    StateDict target = test::make_state(samples, 2, rank_, size_, false);
    const auto loaded = test::failure_of([&] {
      Hdf5Reader reader(path, options);
      load(target, {.storage_reader = &reader});
    });
    EXPECT_EQ(test::text_of(loaded), "success") << to_string(transfer);
    EXPECT_EQ(test::wrong_tensors(target), "") << to_string(transfer);
  }
  EXPECT_EQ(verify_checkpoint(Comm(MPI_COMM_WORLD), path, {}), 0U);
  on_first_rank([&] {
    copy_checkpoint(path, copy);
    const CheckpointFile first(path);  // both at once, as to compare them
    const CheckpointFile second(copy);
    EXPECT_EQ(first.summary().data_files, kFiles);
    EXPECT_TRUE(second.data_file_faults().empty());
    for (std::size_t i = 0; i < first.size(); ++i) {
      const auto entry = first.entry(i);
      if (entry.kind != EntryKind::tensor) continue;
      const Box whole = whole_box(entry.size);
      const auto one = allocate(entry.dtype, entry.size);
      const auto other = allocate(entry.dtype, entry.size);
      first.tensor(i).read(whole, one);
      second.tensor(i).read(whole, other);
      EXPECT_EQ(std::memcmp(one.data, other.data, entry.nbytes), 0) << entry.fqn;
    }
    EXPECT_TRUE(verify_checkpoint(copy).empty());
  });
}

TEST_F(DataFiles, AreOnlyForTensorsThatHaveAPage) {
  StateDict state{{"small", allocate(DType::int8, {4095})}, {"step", 1}};
  std::memset(std::get<TensorView>(state["small"]).data, 0, 4095);
  Hdf5Writer writer("faults/small.h5", {.files = Files::number(4)});
  save(state, {.storage_writer = &writer});
  on_first_rank([&] {
    const CheckpointFile file("faults/small.h5");
    EXPECT_EQ(file.summary().data_files, 0U);
    EXPECT_EQ(file.summary().format_version, 1U) << "older versions read it";
  });
}

}  // namespace
}  // namespace h5dcp
