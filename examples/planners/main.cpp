// Planners of one's own: what to save and load, under which name, as which type, and who does it.
//
//   mpiexec -n 3 planners
//
// Writes some checkpoints into the folder that it runs in. Ends with 1, and says why, if anything
// in them is wrong.

#include <mpi.h>

#include <exception>
#include <iostream>
#include <utility>

#include "example.hpp"

namespace {

constexpr std::pair<const char*, void (*)(int rank, int ranks)> kExamples[] = {
    {"rename keys", example::rename_keys},
    {"cast to bfloat16", example::cast_to_bfloat16},
    {"skip frozen weights", example::skip_frozen},
    {"load some keys", example::load_some_keys},
    {"plan for all ranks", example::plan_for_all}};

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  for (const auto& [name, run] : kExamples) {
    try {
      run(rank, ranks);
      if (rank == 0) std::cout << name << ": fine" << std::endl;
    } catch (const std::exception& error) {
      std::cerr << name << ": rank " << rank << ": " << error.what() << std::endl;
      MPI_Abort(MPI_COMM_WORLD, 1);
    }
  }
  MPI_Finalize();
}
