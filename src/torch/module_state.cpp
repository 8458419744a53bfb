#include <torch/nn/module.h>

#include "h5dcp/torch.hpp"

namespace h5dcp {

StateDict state_dict(const torch::nn::Module& module) {
  StateDict state;
  for (const auto& parameter : module.named_parameters()) {
    state[parameter.key()] = tensor_view(parameter.value());
  }
  for (const auto& buffer : module.named_buffers()) {
    state[buffer.key()] = tensor_view(buffer.value());
  }
  return state;
}

}  // namespace h5dcp
