// A checkpoint that is replaced again and again while other processes read it: what they read is
// always one save, whole.

#include <gtest/gtest.h>
#include <mpi.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "h5dcp/verify.hpp"
#include "outcome.hpp"

namespace h5dcp {
namespace {

constexpr int kTimes = 40;
constexpr std::int64_t kElements = 4096;

StateDict make_state(float number) {
  StateDict state;
  for (int i = 0; i < 6; ++i) {
    const auto tensor = allocate(DType::float32, {kElements});
    auto* const elements = static_cast<float*>(tensor.data);
    std::fill(elements, elements + kElements, number);
    state["tensor" + std::to_string(i)] = tensor;
  }
  state["step"] = static_cast<int>(number);
  return state;
}

// The save of which all elements and the value are; -1 if they are of several.
int save_of(const StateDict& state) {
  const auto number = std::get<std::int64_t>(state.at("step"));
  for (const auto& [name, value] : state) {
    const auto* tensor = std::get_if<TensorView>(&value);
    if (tensor == nullptr) continue;
    const auto* elements = static_cast<const float*>(tensor->data);
    for (std::int64_t i = 0; i < kElements; ++i) {
      if (elements[i] != static_cast<float>(number)) return -1;
    }
  }
  return static_cast<int>(number);
}

class Replaced : public testing::TestWithParam<Files> {
 protected:
  // The last rank saves until the others, who all call `read`, have done that kTimes.
  void while_replaced(const std::string& path, const std::function<void(MPI_Comm)>& read) {
    int rank = 0;
    int size = 1;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    const bool saves = rank == size - 1;
    const auto save_once = [&](int number) {
      // In every other save all lies elsewhere.
      const std::uint64_t alignment = number % 2 == 0 ? 4096 : 16384;
      const Hdf5Options options{.files = GetParam(), .alignment = alignment};
      StateDict state = make_state(static_cast<float>(number));
      Hdf5Writer writer(path, options);
      save(state, {.storage_writer = &writer, .comm = MPI_COMM_SELF});
    };
    if (saves) save_once(0);
    MPI_Comm part = MPI_COMM_NULL;
    MPI_Comm_split(MPI_COMM_WORLD, saves ? 1 : 0, rank, &part);
    MPI_Request done = MPI_REQUEST_NULL;
    int is_done = 0;
    if (saves) {
      MPI_Ibarrier(MPI_COMM_WORLD, &done);
      for (int number = 1; number < 100 * kTimes && is_done == 0; ++number) {
        save_once(number);
        MPI_Test(&done, &is_done, MPI_STATUS_IGNORE);
      }
    } else {
      for (int time = 0; time < kTimes; ++time) {
        SCOPED_TRACE(time);
        read(part);
      }
      MPI_Ibarrier(MPI_COMM_WORLD, &done);
    }
    MPI_Wait(&done, MPI_STATUS_IGNORE);
    MPI_Comm_free(&part);
  }
};

TEST_P(Replaced, IsLoadedWhole) {
  std::size_t time = 0;
  while_replaced("loaded.h5", [&](MPI_Comm comm) {
    std::vector ways{Transfer::direct, Transfer::aggregated, Transfer::automatic};
    if (GetParam().way == Files::Way::one) ways.push_back(Transfer::collective);
    StateDict state = make_state(-2);
    const auto failure = test::failure_of([&] {
      Hdf5Reader reader("loaded.h5", {.transfer = ways[time++ % ways.size()]});
      load(state, {.storage_reader = &reader, .comm = comm});
    });
    EXPECT_EQ(test::text_of(failure), "success");
    int mine = save_of(state);
    EXPECT_GE(mine, 0);
    int first = mine;
    MPI_Bcast(&first, 1, MPI_INT, 0, comm);
    EXPECT_EQ(mine, first) << "another save than the first rank has";
  });
}

TEST_P(Replaced, IsVerifiedWhole) {
  while_replaced("verified.h5", [&](MPI_Comm comm) {
    std::string told;
    VerifyArguments arguments;
    arguments.tell = [&](int, const Damage& damage) { told += to_string(damage) + "\n"; };
    const auto failure = test::failure_of(
        [&] { EXPECT_EQ(verify_checkpoint(Comm(comm), "verified.h5", arguments), 0U) << told; });
    EXPECT_EQ(test::text_of(failure), "success");
  });
}

TEST_P(Replaced, IsLookedAtWhole) {
  while_replaced("looked_at.h5", [&](MPI_Comm) {
    try {
      const CheckpointFile file("looked_at.h5");
      EXPECT_TRUE(file.data_file_faults().empty());
      const auto target = allocate(DType::float32, {kElements});
      file.tensor(file.find("tensor3").value()).read({{0}, {kElements}}, target);
      const auto value = file.value(file.find("step").value());
      EXPECT_EQ(*static_cast<const float*>(target.data),
                static_cast<float>(std::get<std::int64_t>(value)));
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Ways, Replaced, testing::Values(Files(), Files::number(3)),
                         [](const auto& test) {
                           return test.param.way == Files::Way::one ? "one_file" : "data_files";
                         });

}  // namespace
}  // namespace h5dcp
