// Checkpoints whose tensors have no checksums, and loads that do not look at those that there are.

#include <gtest/gtest.h>
#include <mpi.h>

#include <fstream>
#include <functional>
#include <string>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/copy_checkpoint.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/plan_cache.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "sample_state.hpp"

namespace h5dcp {
namespace {

class Unhashed : public testing::Test {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
  }

  void save_to(const std::string& path, const Hdf5Options& options) const {
    StateDict state = test::make_state(0, rank_, size_, true);
    state["text"] = "some text";
    Hdf5Writer writer(path, options);
    save(state, {.storage_writer = &writer});
  }

  // Wrong tensors of what is loaded in another distribution.
  std::string loaded_wrong(const std::string& path, const Hdf5Options& options) const {
    StateDict state = test::make_state(3, rank_, size_, false);
    state["text"] = "";
    Hdf5Reader reader(path, options);
    load(state, {.storage_reader = &reader});
    EXPECT_EQ(std::get<std::string>(state["text"]), "some text");
    return test::wrong_tensors(state);
  }

  // The samples, distributed in way `way` and on, with what `version` makes of every element.
  StateDict make_version(const std::string& version, int way) const {
    StateDict state = test::make_state(way, rank_, size_, false);
    for (const auto& [fqn, value] : state) {
      test::fill(fqn + version, std::get<ShardedTensor>(value));
    }
    state["text"] = "text " + version;
    return state;
  }

  // What of such a state is not as in `version`.
  static std::string wrong_in(const std::string& version, const StateDict& state) {
    std::string wrong;
    for (const auto& [fqn, value] : state) {
      const auto* tensor = std::get_if<ShardedTensor>(&value);
      const bool good = tensor != nullptr ? test::wrong_elements(fqn + version, *tensor) == 0
                                          : std::get<std::string>(value) == "text " + version;
      if (!good) wrong += fqn + " ";
    }
    return wrong;
  }

  // Flips a bit of the first element of an entry.
  void damage(const std::string& path, const std::string& fqn) const {
    if (rank_ == 0) {
      const CheckpointFile checkpoint(path);
      const auto address =
          static_cast<std::streamoff>(checkpoint.entry(checkpoint.find(fqn).value()).address);
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(address);
      const auto byte = static_cast<char>(file.get() ^ 1);
      file.seekp(address);
      file.put(byte);
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }

  static ErrorCode code_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const CheckpointException& error) {
      return error.code();
    }
    return ErrorCode::internal;
  }

  int rank_ = 0;
  int size_ = 1;
};

TEST_F(Unhashed, LoadsBitForBitHoweverItIsStored) {
  int number = 0;
  for (const auto& options :
       {Hdf5Options{.transfer = Transfer::direct, .piece_bytes = 8192, .checksums = false},
        Hdf5Options{.checksums = false, .files = Files::per_ranks(1)},
        Hdf5Options{.filters = {.compression = Compression::deflate}, .checksums = false}}) {
    const auto path = "unhashed_" + std::to_string(number++) + ".h5";
    save_to(path, options);
    for (const bool checks : {true, false}) {
      Hdf5Options reading = options;
      reading.checksums = checks;
      EXPECT_EQ(loaded_wrong(path, reading), "") << path;
    }
    if (rank_ > 0) continue;
    EXPECT_FALSE(CheckpointFile(path).summary().checksums);
    EXPECT_EQ(CheckpointFile(path).summary().format_version, 4U);
    for (const auto& damage : verify_checkpoint(path)) ADD_FAILURE() << to_string(damage);
  }
}

TEST_F(Unhashed, ChangedTensorsAreNotNoticedButChangedValuesAre) {
  save_to("changed.h5", {.checksums = false});
  damage("changed.h5", "matrix");
  if (rank_ == 0) {
    EXPECT_EQ(verify_checkpoint("changed.h5").size(), 0U);
  }
  EXPECT_NE(loaded_wrong("changed.h5", {}), "") << "nobody can tell";
  damage("changed.h5", "text");
  if (rank_ == 0) {
    EXPECT_EQ(verify_checkpoint("changed.h5").size(), 1U);
  }
  EXPECT_EQ(code_of([&] { loaded_wrong("changed.h5", {}); }), ErrorCode::corrupt);
}

TEST_F(Unhashed, ALoadMayLeaveChecksumsAlone) {
  save_to("hashed.h5", {});
  damage("hashed.h5", "matrix");
  EXPECT_EQ(code_of([&] { loaded_wrong("hashed.h5", {}); }), ErrorCode::corrupt);
  EXPECT_NE(loaded_wrong("hashed.h5", {.checksums = false}), "");
}

TEST_F(Unhashed, RanksMustAgree) {
  const bool odd = size_ > 1 && rank_ + 1 == size_;
  const auto code = code_of([&] { save_to("mixed.h5", {.checksums = !odd}); });
  EXPECT_EQ(code, size_ > 1 ? ErrorCode::invalid_argument : ErrorCode::internal);
}

TEST_F(Unhashed, ACopyIsTheSame) {
  save_to("files.h5", {.checksums = false, .files = Files::per_ranks(1)});
  if (rank_ == 0) copy_checkpoint("files.h5", "copy.h5", Overwrite::replace);
  MPI_Barrier(MPI_COMM_WORLD);
  EXPECT_EQ(loaded_wrong("copy.h5", {}), "");
  if (rank_ == 0) {
    EXPECT_FALSE(CheckpointFile("copy.h5").summary().checksums);
  }
}

TEST_F(Unhashed, ASaveRepeatsOnlyOneThatIsLikeIt) {
  const Hdf5Options hashed;
  const Hdf5Options unhashed{.checksums = false};
  const Hdf5Options chunked{.checksums = false, .layout = Layout::chunk_per_shard};
  struct Case {
    const char* why;
    Hdf5Options options;
    bool repeated;
  };
  const Case cases[] = {
      {"the first", unhashed, false},    {"again, of tensors that have changed", unhashed, true},
      {"with checksums", hashed, false}, {"with checksums again", hashed, true},
      {"without", unhashed, false},      {"in chunks", chunked, false},
      {"in chunks again", chunked, true}};
  PlanCache cache;
  int step = 0;
  for (const auto& c : cases) {
    const auto version = std::to_string(++step);
    StateDict state = make_version(version, 0);
    Hdf5Writer writer("again.h5", c.options);
    const auto saved = save(state, {.storage_writer = &writer, .plan_cache = &cache});
    EXPECT_EQ(saved.repeated, c.repeated) << c.why;
    StateDict loaded = make_version("", 3);
    load(loaded, {.checkpoint_id = "again.h5"});
    EXPECT_EQ(wrong_in(version, loaded), "") << c.why;
    if (rank_ == 0) {
      EXPECT_EQ(CheckpointFile("again.h5").summary().checksums, c.options.checksums) << c.why;
      for (const auto& damage : verify_checkpoint("again.h5")) {
        ADD_FAILURE() << c.why << ": " << to_string(damage);
      }
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }
}

TEST_F(Unhashed, RanksMustAgreeThoughAllHaveAPlan) {
  PlanCache cache;
  const auto save_again = [&](bool checksums) {
    StateDict state = make_version("1", 0);
    Hdf5Writer writer("both.h5", {.checksums = checksums});
    return save(state, {.storage_writer = &writer, .plan_cache = &cache}).repeated;
  };
  EXPECT_FALSE(save_again(false));
  EXPECT_TRUE(save_again(false));
  const bool odd = size_ > 1 && rank_ + 1 == size_;
  const auto code = code_of([&] { EXPECT_TRUE(save_again(odd)) << "one rank is all of them"; });
  EXPECT_EQ(code, size_ > 1 ? ErrorCode::invalid_argument : ErrorCode::internal);
}

}  // namespace
}  // namespace h5dcp
