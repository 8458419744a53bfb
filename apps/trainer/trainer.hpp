// Training: everything that a step changes, and what of it a checkpoint needs.

#pragma once

#include <ATen/core/Generator.h>
#include <mpi.h>
#include <torch/nn/module.h>
#include <torch/optim/adamw.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "h5dcp/state_dict.hpp"
#include "model.hpp"
#include "options.hpp"
#include "samples.hpp"
#include "schedule.hpp"
#include "sharded_parameter.hpp"

namespace trainer {

class Trainer {
 public:
  // Collective over `comm`, as is step(); the samples are the same on all ranks.
  Trainer(const Options& options, Samples samples, MPI_Comm comm);

  std::int64_t steps_done() const { return schedule_.step; }

  struct Step {
    double loss = 0;    // of the batch, its mean over all ranks
    bool stop = false;  // a rank was told to stop
  };

  // Learns from the next batch. The same on every rank, so all stop after the same step.
  Step step();

  // All that a run needs to go on as if it had never stopped. Tensors are views.
  h5dcp::StateDict state_dict();

  // Takes over what is not a view, from a state dict that has been loaded; parts that it lacks stay
  // as they are.
  //
  // Throws h5dcp::Error{invalid_argument} if it is the state of another model.
  void load_state_dict(const h5dcp::StateDict& state);

  std::int64_t parameter_bytes() const;  // of all ranks together
  std::int64_t moment_bytes() const;     // what the optimizer keeps here from the first step on

 private:
  double learn(std::int64_t first, std::int64_t count, std::uint64_t seed);

  MPI_Comm comm_;
  int rank_ = 0;
  int size_ = 0;
  Shape shape_;
  std::int64_t batch_;
  at::Generator generator_;  // in step on all ranks
  std::vector<ShardedParameter> parameters_;
  torch::nn::Module module_;  // the shards, by FQN
  std::optional<torch::optim::AdamW> optimizer_;
  Schedule schedule_;
  Samples samples_;
  std::int64_t position_ = 0;  // samples learnt
};

}  // namespace trainer
