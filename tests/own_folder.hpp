// A folder for the files of one test.

#pragma once

#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <filesystem>
#include <string>

namespace h5dcp::test {

// New and empty, with the name of the test that runs. Collective over MPI_COMM_WORLD, if MPI is
// there.
inline std::string own_folder() {
  std::string folder = testing::UnitTest::GetInstance()->current_test_info()->name();
  std::ranges::replace(folder, '/', '_');  // which is before the parameter
  int with_mpi = 0;
  int rank = 0;
  MPI_Initialized(&with_mpi);
  if (with_mpi != 0) MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 0) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directory(folder);
  }
  if (with_mpi != 0) MPI_Barrier(MPI_COMM_WORLD);
  return folder;
}

}  // namespace h5dcp::test
