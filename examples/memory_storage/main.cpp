// Saves to memory, spoils what was saved, and rolls back: rows become columns on the way.
//
//   mpiexec -n 3 memory_storage
//
// Ends with 1, and says why, if anything is not as it was.

#include <h5dcp/h5dcp.hpp>

#include <mpi.h>

#include <cstdint>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "memory_storage.hpp"

namespace {

using h5dcp::Map;
using h5dcp::StateDict;
using h5dcp::Value;

const h5dcp::Extents kSizes{12, 10};

void check(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error("wrong: " + what);
}

// This rank's part of a matrix, cut along `dim`.
struct Part {
  h5dcp::Box box;
  std::vector<double> cells;

  Part(std::size_t dim, int rank, int ranks)
      : box(h5dcp::local_box(kSizes, h5dcp::DeviceMesh({ranks}), {h5dcp::Shard{dim}}, rank)),
        cells(static_cast<std::size_t>(h5dcp::numel(box.sizes)), -1) {}

  h5dcp::ShardedTensor tensor() {
    return {h5dcp::dtype_of<double>(),
            kSizes,
            {{box, h5dcp::contiguous_view(cells.data(), box.sizes)}}};
  }

  // Calls `visit(cell, its number in the whole matrix)`.
  template <class Visit>
  void each(const Visit& visit) {
    auto cell = cells.begin();
    for (std::int64_t row = 0; row < box.sizes[0]; ++row) {
      for (std::int64_t column = 0; column < box.sizes[1]; ++column) {
        const auto number = (box.offsets[0] + row) * kSizes[1] + box.offsets[1] + column;
        visit(*cell++, static_cast<double>(number));
      }
    }
  }
};

void roll_back(int rank, int ranks) {
  example::MemoryStore store;  // lives as long as its checkpoints are wanted
  const std::vector<h5dcp::StorageBackend> backends{example::memory_backend(store)};

  Part rows(0, rank, ranks);
  rows.each([](double& cell, double number) { cell = number; });
  std::vector<float> bias{0.5F, 1.5F};  // the same on all ranks
  StateDict state{
      {"model", Map{{"w", rows.tensor()}, {"bias", h5dcp::contiguous_view(bias.data(), {2})}}},
      {"step", 100},
      {"seen", h5dcp::List{}},
      {"name", "run 7"}};
  h5dcp::save(state, {.checkpoint_id = "memory:step_100", .backends = backends});

  bias = {-1, -1};
  Part columns(1, rank, ranks);
  StateDict other{
      {"model", Map{{"w", columns.tensor()}, {"bias", h5dcp::contiguous_view(bias.data(), {2})}}},
      {"step", 0},
      {"seen", 0},
      {"name", ""}};
  h5dcp::load(other, {.checkpoint_id = "memory:step_100", .backends = backends});
  columns.each([](double& cell, double number) { check(cell == number, "a cell"); });
  check(bias == std::vector<float>{0.5F, 1.5F}, "the bias");
  check(other.at("step") == Value(100) && other.at("seen") == Value(h5dcp::List{}) &&
            other.at("name") == Value("run 7"),
        "a value");

  try {  // on every rank alike
    h5dcp::load(other, {.checkpoint_id = "memory:step_200", .backends = backends});
    check(false, "loaded what was never saved");
  } catch (const h5dcp::CheckpointException& error) {
    check(error.code() == h5dcp::ErrorCode::not_found, error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  try {
    roll_back(rank, ranks);
  } catch (const std::exception& error) {
    std::cerr << "memory_storage: rank " << rank << ": " << error.what() << std::endl;
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  if (rank == 0) std::cout << "all is as it was, on " << ranks << " ranks" << std::endl;
  MPI_Finalize();
}
