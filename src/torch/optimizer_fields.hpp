// What the optimizers of libtorch hold, by name: libtorch itself only serializes it to streams of
// its own.

#pragma once

#include <ATen/core/Tensor.h>
#include <torch/optim/optimizer.h>

#include <cstdint>
#include <tuple>
#include <variant>
#include <vector>

namespace h5dcp {

// A place in an optimizer, which owns it.
struct OptimizerField {
  const char* name;  // as in Python
  std::variant<bool*, std::int64_t*, double*, std::tuple<double, double>*, at::Tensor*> place;
};
using OptimizerFields = std::vector<OptimizerField>;

// The options of a parameter group.
//
// Throws Error{unsupported} unless they are those of Adam, AdamW or SGD.
OptimizerFields option_fields(torch::optim::OptimizerOptions& options);

// The state of a parameter in a group of such options. What is missing is made, as zeros.
//
// Throws Error{unsupported} as above.
OptimizerFields state_fields(torch::optim::Optimizer& optimizer,
                             torch::optim::OptimizerOptions& options, const at::Tensor& parameter);

}  // namespace h5dcp
