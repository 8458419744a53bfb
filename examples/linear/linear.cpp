// A linear model of libtorch and its Adam optimizer, the same on all MPI ranks.
//
//   mpiexec -n 2 linear linear.h5 20     fits y = 3 x - 1 in 20 steps, and saves
//   mpiexec -n 3 linear linear.h5 40     goes on from there
//
// Replicas are no more work than shards: each rank says what it has, and the ranks share the
// writing.

#include <h5dcp/h5dcp.hpp>
#include <h5dcp/torch.hpp>

#include <mpi.h>
#include <torch/nn/module.h>
#include <torch/optim/adam.h>

#include <cstdint>
#include <exception>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <stdexcept>
#include <string>
#include <variant>

namespace {

struct Linear : torch::nn::Module {
  at::Tensor slope = register_parameter("slope", at::zeros({1}));
  at::Tensor offset = register_parameter("offset", at::zeros({1}));
};

void train(const std::string& path, std::int64_t steps, int rank) {
  const Linear model;
  torch::optim::Adam optimizer(model.parameters(), torch::optim::AdamOptions(0.1));
  const at::Tensor x = at::linspace(-1, 1, 64);
  const at::Tensor y = 3 * x - 1;

  // Views of the model's and the optimizer's own tensors, and a number.
  h5dcp::StateDict state{{"model", h5dcp::state_dict(model)},
                         {"optimizer", h5dcp::state_dict(optimizer, model)},
                         {"step", 0}};
  std::int64_t step = 0;
  int there = rank == 0 && std::filesystem::exists(path) ? 1 : 0;
  MPI_Bcast(&there, 1, MPI_INT, 0, MPI_COMM_WORLD);  // one rank looks: all must do the same
  if (there != 0) {
    h5dcp::load(state, {.checkpoint_id = path});  // fills the tensors
    h5dcp::load_state_dict(optimizer, model, std::get<h5dcp::Map>(state.at("optimizer")));
    step = std::get<std::int64_t>(state.at("step"));
  }

  for (; step < steps; ++step) {
    const at::Tensor loss = (model.slope * x + model.offset - y).square().mean();
    if (rank == 0) {
      std::cout << "step " << step << " loss " << std::setprecision(9) << loss.item<float>()
                << std::endl;
    }
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  }

  state["optimizer"] = h5dcp::state_dict(optimizer, model);  // its step counts are plain numbers
  state["step"] = step;
  h5dcp::save(state, {.checkpoint_id = path});
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  try {
    if (argc != 3) throw std::invalid_argument("usage: linear CHECKPOINT STEPS");
    train(argv[1], std::stoll(argv[2]), rank);
  } catch (const std::exception& error) {
    std::cerr << "linear: rank " << rank << ": " << error.what() << std::endl;
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
}
