// How a collective call ended, and whether it ended alike on all ranks.

#pragma once

#include <gtest/gtest.h>
#include <mpi.h>

#include <optional>
#include <string>
#include <vector>

#include "h5dcp/error.hpp"

namespace h5dcp::test {

// nullopt if `work` returned. Anything but a CheckpointException fails the test.
template <class Work>
std::optional<CheckpointException> failure_of(const Work& work) {
  try {
    work();
  } catch (const CheckpointException& error) {
    return error;
  } catch (const std::exception& error) {
    ADD_FAILURE() << "not a CheckpointException: " << error.what();
  }
  return std::nullopt;
}

// All that a program can learn of a failure.
inline std::string text_of(const std::optional<CheckpointException>& failure) {
  if (!failure) return "success";
  const auto numbers = [](const std::vector<int>& ranks) {
    std::string text;
    for (const int rank : ranks) text += " " + std::to_string(rank);
    return text;
  };
  std::string text = std::to_string(static_cast<int>(failure->code())) + ": " + failure->what() +
                     "\nstep: " + failure->step() + "\nfailed:" + numbers(failure->failed_ranks());
  for (const auto& each : failure->causes()) {
    text += "\n" + std::to_string(static_cast<int>(each.code)) + ": " + each.message + " on" +
            numbers(each.ranks);
  }
  return text;
}

// Rank 0's text on all ranks of `comm`. Collective.
inline std::string broadcast(MPI_Comm comm, std::string text) {
  int length = static_cast<int>(text.size());
  MPI_Bcast(&length, 1, MPI_INT, 0, comm);
  text.resize(static_cast<std::size_t>(length));
  MPI_Bcast(text.data(), length, MPI_CHAR, 0, comm);
  return text;
}

// Fails the test on each rank whose failure is not rank 0's. Collective.
inline void expect_same(MPI_Comm comm, const std::optional<CheckpointException>& failure,
                        const std::string& why) {
  const auto mine = text_of(failure);
  EXPECT_EQ(mine, broadcast(comm, mine)) << why << ": not what rank 0 has";
}

// Fails the test unless all ranks of the world have the same failure, of DCP's step `step`, which
// says `says`. Collective.
inline void expect_failed(const std::optional<CheckpointException>& failure, ErrorCode code,
                          const std::string& step, const std::string& says) {
  expect_same(MPI_COMM_WORLD, failure, says);
  EXPECT_TRUE(failure) << says;
  if (!failure) return;
  EXPECT_EQ(failure->code(), code) << failure->what();
  EXPECT_EQ(failure->step(), step) << failure->what();
  EXPECT_NE(std::string(failure->what()).find(says), std::string::npos) << failure->what();
}

}  // namespace h5dcp::test
