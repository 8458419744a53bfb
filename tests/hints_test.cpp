// Hints reach MPI-IO: those of the program, then those of the save or load.

#include <gtest/gtest.h>
#include <mpi.h>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/options.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "outcome.hpp"
#include "sample_state.hpp"

namespace {

using Told = std::map<std::string, std::string>;

std::vector<Told> opened;  // what each open of a file through MPI-IO was told on this rank

Told told_in(MPI_Info info) {
  Told told;
  int count = 0;
  if (info != MPI_INFO_NULL) MPI_Info_get_nkeys(info, &count);
  for (int i = 0; i < count; ++i) {
    std::array<char, MPI_MAX_INFO_KEY + 1> name{};
    std::array<char, MPI_MAX_INFO_VAL + 1> value{};
    int found = 0;
    MPI_Info_get_nthkey(info, i, name.data());
    MPI_Info_get(info, name.data(), MPI_MAX_INFO_VAL, value.data(), &found);
    told[name.data()] = value.data();
  }
  return told;
}

}  // namespace

// HDF5 opens files with this.
extern "C" int MPI_File_open(MPI_Comm comm, const char* name, int mode, MPI_Info info,
                             MPI_File* file) {
  opened.push_back(told_in(info));
  return PMPI_File_open(comm, name, mode, info, file);
}

namespace h5dcp {
namespace {

class TheHints : public testing::Test {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    opened.clear();
  }

  StateDict state(bool filled) const { return test::make_state(0, rank, size, filled); }

  std::optional<CheckpointException> try_save(const Hdf5Options& options, const Options& program) {
    StateDict saved = state(true);
    Hdf5Writer writer("hints.h5", options);
    return test::failure_of([&] { save(saved, {.storage_writer = &writer, .options = program}); });
  }

  std::optional<CheckpointException> try_load(const Hdf5Options& options, const Options& program) {
    StateDict loaded = state(false);
    Hdf5Reader reader("hints.h5", options);
    auto failure =
        test::failure_of([&] { load(loaded, {.storage_reader = &reader, .options = program}); });
    if (!failure) {
      EXPECT_EQ(test::wrong_tensors(loaded), "");
    }
    return failure;
  }

  static void expect_told(const Told& expected, const std::string& why) {
    EXPECT_FALSE(opened.empty()) << why;
    for (const auto& told : opened) EXPECT_EQ(told, expected) << why;
    opened.clear();
  }

  int rank = 0;
  int size = 0;
};

TEST_F(TheHints, ArriveWhereverAFileIsOpened) {
  struct Case {
    const char* why;
    Hints program;
    Hints operation;
    Told expected;
  };
  const Case cases[] = {
      {"none", {}, {}, {}},
      {"of the save or load",
       {},
       {{"cb_buffer_size", "16777216"}, {"no_such", "x;y=z"}},
       {{"cb_buffer_size", "16777216"}, {"no_such", "x;y=z"}}},
      {"of the program", {{"cb_buffer_size", "33554432"}}, {}, {{"cb_buffer_size", "33554432"}}},
      {"the save or load knows better",
       {{"cb_buffer_size", "33554432"}, {"a", "b"}},
       {{"cb_buffer_size", "16777216"}},
       {{"a", "b"}, {"cb_buffer_size", "16777216"}}},
      {"the last of a name", {}, {{"a", "1"}, {"a", "2"}}, {{"a", "2"}}}};
  for (const auto& c : cases) {
    const Hdf5Options options{.transfer = Transfer::collective, .hints = c.operation};
    EXPECT_EQ(test::text_of(try_save(options, {.hints = c.program})), "success") << c.why;
    expect_told(c.expected, std::string("save: ") + c.why);
    EXPECT_EQ(test::text_of(try_load(options, {.hints = c.program})), "success") << c.why;
    expect_told(c.expected, std::string("load: ") + c.why);
  }
}

TEST_F(TheHints, AreForCollectiveTransfersAlone) {
  const Hdf5Options options{.transfer = Transfer::direct,
                            .hints = {{"cb_buffer_size", "16777216"}}};
  EXPECT_EQ(test::text_of(try_save(options, {})), "success");
  EXPECT_EQ(test::text_of(try_load(options, {})), "success");
  EXPECT_TRUE(opened.empty());
}

// MPI would end the program.
TEST_F(TheHints, ThatMpiCannotTakeAreRefused) {
  const std::pair<Hints, std::string> cases[] = {
      {{{"", "1"}}, "the name of a hint is empty"},
      {{{"good", "1"}, {"cb_buffer_size", ""}}, "the hint 'cb_buffer_size' is empty"},
      {{{std::string(MPI_MAX_INFO_KEY, 'k'), "1"}}, "the name of a hint has "},
      {{{"cb_buffer_size", std::string(MPI_MAX_INFO_VAL, '1')}}, "the hint 'cb_buffer_size' has "}};
  for (const auto& [hints, why] : cases) {
    const Hdf5Options options{.transfer = Transfer::collective, .hints = hints};
    const auto refused = [&, says = "Hdf5Options::hints: " + why](const auto& make) {
      try {
        make();
        ADD_FAILURE() << says;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
        EXPECT_TRUE(std::string(error.what()).starts_with(says)) << error.what();
      }
    };
    refused([&] { const Hdf5Writer writer("hints.h5", options); });
    refused([&] { const Hdf5Reader reader("hints.h5", options); });

    EXPECT_EQ(test::text_of(try_save({.transfer = Transfer::collective}, {})), "success");
    const Options program{.hints = hints};
    test::expect_failed(try_save({.transfer = Transfer::collective}, program),
                        ErrorCode::invalid_argument, "write", "Options::hints: " + why);
    test::expect_failed(try_load({.transfer = Transfer::collective}, program),
                        ErrorCode::invalid_argument, "read", "Options::hints: " + why);
    if (size == 1) continue;
    // On one rank alone they are refused as those of all ranks must be the same.
    const Options of_last{.hints = rank == size - 1 ? hints : Hints{}};
    test::expect_failed(try_save({.transfer = Transfer::collective}, of_last),
                        ErrorCode::invalid_argument, "plan", "Options::hints is '");
    test::expect_failed(try_load({.transfer = Transfer::collective}, of_last),
                        ErrorCode::invalid_argument, "plan", "Options::hints is '");
  }
}

}  // namespace
}  // namespace h5dcp
