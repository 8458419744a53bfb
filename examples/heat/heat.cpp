// The heat equation on a plate, whose rows are spread over the MPI ranks.
//
//   mpiexec -n 2 heat plate.h5 100     from a hot spot to step 100; saves every 50 steps and at the
//   end mpiexec -n 3 heat plate.h5 200     goes on from there, on other ranks
//
// The plate has the same digits at step 200, whatever ranks computed it and however often they were
// interrupted. h5dump, h5py and "h5dcp ls" show what is in the file.

#include <h5dcp/h5dcp.hpp>

#include <mpi.h>

#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace {

constexpr std::int64_t kRows = 100;
constexpr std::int64_t kColumns = 120;
constexpr std::int64_t kSaveEvery = 50;
const h5dcp::Extents kSizes{kRows, kColumns};

// The rows that one rank holds, with a border of one cell around them: copies of the neighbours'
// rows above and below, and the edge of the plate, which is kept at 0.
struct Part {
  h5dcp::Box box;  // which part of the plate
  std::vector<double> cells;

  explicit Part(const h5dcp::Box& which)
      : box(which), cells(static_cast<std::size_t>((rows() + 2) * kStride)) {}

  static constexpr std::int64_t kStride = kColumns + 2;
  std::int64_t rows() const { return box.sizes[0]; }
  double* row(std::int64_t r) { return cells.data() + (r + 1) * kStride + 1; }  // from -1 to rows()
};

// What a checkpoint holds: the number of steps, and this rank's part of the plate. The cells are
// not copied: this says where they are.
h5dcp::StateDict state_of(Part& part, std::int64_t step) {
  const h5dcp::TensorView inner{.data = part.row(0),
                                .dtype = h5dcp::dtype_of<double>(),
                                .sizes = part.box.sizes,
                                .strides = {Part::kStride, 1}};  // without the border
  const h5dcp::ShardedTensor plate{inner.dtype, kSizes, {{part.box, inner}}};
  return {{"step", step}, {"temperature", plate}};
}

void exchange_borders(Part& part, int rank) {
  // A rank may have no rows, if there are many ranks; those come last.
  const std::int64_t first = part.box.offsets[0];
  const int above = part.rows() > 0 && first > 0 ? rank - 1 : MPI_PROC_NULL;
  const int below = first + part.rows() < kRows ? rank + 1 : MPI_PROC_NULL;
  MPI_Sendrecv(part.row(0), kColumns, MPI_DOUBLE, above, 0, part.row(part.rows()), kColumns,
               MPI_DOUBLE, below, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  MPI_Sendrecv(part.row(part.rows() - 1), kColumns, MPI_DOUBLE, below, 0, part.row(-1), kColumns,
               MPI_DOUBLE, above, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

Part next_step(Part& now) {
  Part next(now.box);
  for (std::int64_t r = 0; r < now.rows(); ++r) {
    const double* up = now.row(r - 1);
    const double* here = now.row(r);
    const double* down = now.row(r + 1);
    for (std::int64_t c = 0; c < kColumns; ++c) {
      next.row(r)[c] = here[c] + 0.2 * (up[c] + down[c] + here[c - 1] + here[c + 1] - 4 * here[c]);
    }
  }
  return next;
}

void simulate(const std::string& path, std::int64_t steps, int rank, int ranks) {
  Part part(h5dcp::local_box(kSizes, h5dcp::DeviceMesh({ranks}), {h5dcp::Shard{0}}, rank));
  std::int64_t step = 0;

  int there = rank == 0 && std::filesystem::exists(path) ? 1 : 0;
  MPI_Bcast(&there, 1, MPI_INT, 0, MPI_COMM_WORLD);  // one rank looks: all must do the same
  if (there != 0) {
    h5dcp::StateDict state = state_of(part, step);
    h5dcp::load(state, {.checkpoint_id = path});  // fills the cells, on whatever ranks they were
    step = std::get<std::int64_t>(state.at("step"));
    if (rank == 0) std::cout << "goes on from step " << step << std::endl;
  } else {
    for (std::int64_t r = 0; r < part.rows(); ++r) {
      const std::int64_t row = part.box.offsets[0] + r;  // in the whole plate
      for (std::int64_t c = 20; c < 60 && row >= 30 && row < 50; ++c) part.row(r)[c] = 100;
    }
  }

  while (step < steps) {
    exchange_borders(part, rank);
    part = next_step(part);
    ++step;
    if (step % kSaveEvery == 0 || step == steps) {
      h5dcp::StateDict state = state_of(part, step);
      h5dcp::save(state, {.checkpoint_id = path});  // replaces the last one once this one is safe
      if (rank == 0) std::cout << "saved step " << step << std::endl;
    }
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
    if (argc != 3) throw std::invalid_argument("usage: heat CHECKPOINT STEPS");
    simulate(argv[1], std::stoll(argv[2]), rank, ranks);
  } catch (const std::exception& error) {
    std::cerr << "heat: rank " << rank << ": " << error.what() << std::endl;
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
}
