// Transfer::collective, whatever MPI-IO makes of what it is given: with several aggregators Open
// MPI's OMPIO writes and reads wrong bytes now and then. Where that must be certain, the functions
// of MPI-IO that HDF5 calls pass through here and do damage.

#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "outcome.hpp"
#include "sample_state.hpp"

namespace {

// What is done to the bytes of collective and of other writes, and to those of collective reads.
struct Damage {
  bool collective_writes = false;
  bool other_writes = false;
  bool reads = false;
};
Damage damage;

int opened = 0;
bool opened_with_topology = false;

// Where the bytes of `count` elements of `type` are: from `first`, `nbytes` of them.
struct Span {
  MPI_Aint first = 0;
  std::size_t nbytes = 0;
};

Span span_of(int count, MPI_Datatype type) {
  int size = 0;
  MPI_Type_size(type, &size);
  if (count == 0 || size == 0) return {};
  MPI_Aint first = 0;
  MPI_Aint extent = 0;
  MPI_Aint true_extent = 0;
  MPI_Aint lower = 0;
  MPI_Type_get_extent(type, &lower, &extent);
  MPI_Type_get_true_extent(type, &first, &true_extent);
  return {first, static_cast<std::size_t>(true_extent + (count - 1) * extent)};
}

// Calls `write(bytes)` with the bytes at `data`, of which the first is changed.
template <class Write>
int write_damaged(const void* data, int count, MPI_Datatype type, const Write& write) {
  const auto [first, nbytes] = span_of(count, type);
  if (nbytes == 0) return write(data);
  const auto* begin = static_cast<const unsigned char*>(data) + first;
  std::vector<unsigned char> changed(begin, begin + nbytes);
  changed[0] ^= 1U;
  return write(changed.data() - first);
}

}  // namespace

extern "C" int MPI_File_open(MPI_Comm comm, const char* name, int mode, MPI_Info info,
                             MPI_File* file) {
  int topology = MPI_UNDEFINED;
  MPI_Topo_test(comm, &topology);
  ++opened;
  opened_with_topology = opened_with_topology || topology != MPI_UNDEFINED;
  return PMPI_File_open(comm, name, mode, info, file);
}

extern "C" int MPI_File_write_at_all(MPI_File file, MPI_Offset at, const void* data, int count,
                                     MPI_Datatype type, MPI_Status* status) {
  const auto write = [&](const void* bytes) {
    return PMPI_File_write_at_all(file, at, bytes, count, type, status);
  };
  return damage.collective_writes ? write_damaged(data, count, type, write) : write(data);
}

extern "C" int MPI_File_write_at(MPI_File file, MPI_Offset at, const void* data, int count,
                                 MPI_Datatype type, MPI_Status* status) {
  const auto write = [&](const void* bytes) {
    return PMPI_File_write_at(file, at, bytes, count, type, status);
  };
  return damage.other_writes ? write_damaged(data, count, type, write) : write(data);
}

extern "C" int MPI_File_read_at_all(MPI_File file, MPI_Offset at, void* data, int count,
                                    MPI_Datatype type, MPI_Status* status) {
  const int result = PMPI_File_read_at_all(file, at, data, count, type, status);
  const auto [first, nbytes] = span_of(count, type);
  if (damage.reads && nbytes > 0) static_cast<unsigned char*>(data)[first] ^= 1U;
  return result;
}

namespace h5dcp {
namespace {

using Failure = std::optional<CheckpointException>;

class Collective : public testing::Test {
 protected:
  void SetUp() override {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
  }
  void TearDown() override { damage = {}; }

  StateDict state_of(int way, bool filled) const {
    StateDict state = test::make_state(way, rank_, size_, filled);
    state["text"] = filled ? "some text" : "";
    return state;
  }

  Failure try_save(MPI_Comm comm, int way = 0, Hdf5Options options = {}) const {
    options.transfer = Transfer::collective;
    StateDict state = state_of(way, true);
    Hdf5Writer writer(path_, options);
    return test::failure_of([&] { save(state, {.storage_writer = &writer, .comm = comm}); });
  }

  // Expects what try_save() has saved.
  Failure try_load(MPI_Comm comm, int way = 3, Transfer transfer = Transfer::collective,
                   const Options& program = {}) const {
    StateDict state = state_of(way, false);
    Hdf5Reader reader(path_, {.transfer = transfer});
    auto failure = test::failure_of(
        [&] { load(state, {.storage_reader = &reader, .comm = comm, .options = program}); });
    if (!failure) {
      EXPECT_EQ(test::wrong_tensors(state), "");
      EXPECT_EQ(std::get<std::string>(state["text"]), "some text");
    }
    return failure;
  }

  void expect_sound() const {
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank_ == 0) {
      for (const auto& found : verify_checkpoint(path_)) ADD_FAILURE() << to_string(found);
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }

  int rank_ = 0;
  int size_ = 1;
  std::string path_ = "collective.h5";
};

// OMPIO has several aggregators for a Cartesian communicator.
TEST_F(Collective, OnACartesianCommunicator) {
  const int periods[] = {0, 0};
  int sizes[] = {size_, 1};
  MPI_Comm cartesian = MPI_COMM_NULL;
  MPI_Cart_create(MPI_COMM_WORLD, 2, sizes, periods, 0, &cartesian);
  opened = 0;
  opened_with_topology = false;
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(test::text_of(try_save(cartesian, round)), "success");
    expect_sound();
    EXPECT_EQ(test::text_of(try_load(cartesian, round + 3)), "success");
  }
  EXPECT_GT(opened, 0);
  EXPECT_FALSE(opened_with_topology);
  MPI_Comm_free(&cartesian);
}

// And for this hint. A save either is right or fails, and a load is always right.
TEST_F(Collective, WithSeveralAggregators) {
  for (int round = 0; round < 3; ++round) {
    const Hdf5Options options{.hints = {{"cb_nodes", std::to_string(2 + round % 3)}}};
    const auto failure = try_save(MPI_COMM_WORLD, round, options);
    test::expect_same(MPI_COMM_WORLD, failure, "a save with several aggregators");
    if (failure) {
      EXPECT_NE(std::string(failure->what()).find("MPI-IO was given"), std::string::npos)
          << failure->what();
      EXPECT_EQ(test::text_of(try_save(MPI_COMM_WORLD, round)), "success");
    }
    expect_sound();
    EXPECT_EQ(test::text_of(try_load(MPI_COMM_WORLD, round + 3)), "success");
  }
}

TEST_F(Collective, WhatMpiIoWritesWrongIsNoCheckpoint) {
  EXPECT_EQ(test::text_of(try_save(MPI_COMM_WORLD)), "success");
  damage.collective_writes = true;
  const auto failure = try_save(MPI_COMM_WORLD, 1);
  damage = {};
  test::expect_failed(failure, ErrorCode::io, "write", "write to 'collective.h5': read back '");
  if (failure) {
    EXPECT_NE(std::string(failure->what()).find("on are not what MPI-IO was given to write"),
              std::string::npos)
        << failure->what();
  }
  expect_sound();  // the earlier one
  EXPECT_EQ(test::text_of(try_load(MPI_COMM_WORLD)), "success");
}

TEST_F(Collective, WhatHdf5WritesWrongIsNoCheckpoint) {
  EXPECT_EQ(test::text_of(try_save(MPI_COMM_WORLD)), "success");
  damage.other_writes = true;
  const auto failure = try_save(MPI_COMM_WORLD, 1);
  damage = {};
  test::expect_failed(failure, ErrorCode::io, "write", "read back HDF5 metadata: the ");
  expect_sound();
}

// Nothing but elements of tensors goes through MPI-IO, so nothing else of the file is damaged.
TEST_F(Collective, IndexAndValuesAreWrittenWithoutMpiIo) {
  damage.collective_writes = true;
  EXPECT_EQ(test::text_of(try_save(MPI_COMM_WORLD, 0, {.verify_collective_writes = false})),
            "success");
  damage = {};
  if (rank_ == 0) {
    const auto found = verify_checkpoint(path_);
    EXPECT_GT(found.size(), 0U);
    const CheckpointFile file(path_);
    for (const auto& each : found) {
      EXPECT_TRUE(file.find(each.fqn)) << to_string(each);
    }
  }
  MPI_Barrier(MPI_COMM_WORLD);
  StateDict values{{"text", ""}};
  load(values, {.checkpoint_id = path_});
  EXPECT_EQ(std::get<std::string>(values["text"]), "some text");
}

TEST_F(Collective, WhatMpiIoReadsWrongIsReadAgain) {
  EXPECT_EQ(test::text_of(try_save(MPI_COMM_WORLD)), "success");
  std::vector<LogMessage> heard;
  const Options listening{.log_level = LogLevel::warning,
                          .logger = [&](const LogMessage& message) { heard.push_back(message); }};
  EXPECT_EQ(test::text_of(try_load(MPI_COMM_WORLD, 3, Transfer::collective, listening)), "success");
  EXPECT_EQ(heard.size(), 0U);
  damage.reads = true;
  EXPECT_EQ(test::text_of(try_load(MPI_COMM_WORLD, 3, Transfer::collective, listening)), "success");
  EXPECT_EQ(heard.size(), rank_ == 0 ? 1U : 0U);
  for (const auto& message : heard) {
    EXPECT_EQ(message.level, LogLevel::warning);
    EXPECT_NE(message.text.find("MPI-IO returned wrong bytes for "), std::string::npos)
        << message.text;
  }
}

// OMPIO reads wrong bytes when ranks want so different parts.
TEST_F(Collective, ARankMayWantAllAnotherAPartAThirdNothing) {
  EXPECT_EQ(test::text_of(try_save(MPI_COMM_WORLD)), "success");
  for (int round = 0; round < 3; ++round) {
    const int role = (rank_ + round) % 3;
    StateDict state;
    for (const auto& sample : test::samples()) {
      if (role == 2 || sample.sizes.empty()) continue;
      Box box{Extents(std::vector<std::int64_t>(sample.sizes.size())), sample.sizes};
      if (role == 1) box.sizes[0] = (box.sizes[0] + 1) / 2;
      ShardedTensor tensor{.dtype = sample.dtype, .sizes = sample.sizes, .shards = {}};
      tensor.shards.push_back({box, allocate(sample.dtype, box.sizes)});
      state[sample.fqn] = tensor;
    }
    Hdf5Reader reader(path_, {.transfer = Transfer::collective});
    EXPECT_EQ(test::text_of(test::failure_of([&] { load(state, {.storage_reader = &reader}); })),
              "success");
    EXPECT_EQ(test::wrong_tensors(state), "");
  }
}

TEST_F(Collective, WhatIsWrongInTheFileIsDamagedHoweverItIsRead) {
  EXPECT_EQ(test::text_of(try_save(MPI_COMM_WORLD)), "success");
  if (rank_ == 0) {
    const CheckpointFile checkpoint(path_);
    const auto at = checkpoint.entry(checkpoint.find("matrix").value()).address;
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const auto byte = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  test::expect_failed(try_load(MPI_COMM_WORLD), ErrorCode::corrupt, "read",
                      "do not match their checksum");
}

TEST_F(Collective, NeedsChecksums) {
  const Hdf5Options unhashed{.transfer = Transfer::collective, .checksums = false};
  for (const bool writes : {true, false}) {
    try {
      if (writes) const Hdf5Writer writer(path_, unhashed);
      if (!writes) const Hdf5Reader reader(path_, unhashed);
      ADD_FAILURE() << "not refused";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      EXPECT_NE(std::string(error.what()).find("with Transfer::collective it must be true"),
                std::string::npos)
          << error.what();
    }
  }
  StateDict state = state_of(0, true);
  Hdf5Writer writer("unhashed.h5", {.checksums = false});
  save(state, {.storage_writer = &writer});
  Hdf5Reader reader("unhashed.h5", {.transfer = Transfer::collective});
  test::expect_failed(test::failure_of([&] { load(state, {.storage_reader = &reader}); }),
                      ErrorCode::unsupported, "plan",
                      "Transfer::collective reads no checkpoint without checksums");
}

}  // namespace
}  // namespace h5dcp
