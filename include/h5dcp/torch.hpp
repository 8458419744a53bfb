// libtorch's tensors and modules as h5dcp's. Only this header needs libtorch: link h5dcp::torch.

#pragma once

#include <ATen/ATen.h>

#include "h5dcp/state_dict.hpp"
#include "h5dcp/tensor.hpp"

namespace torch::nn {
class Module;
}
namespace torch::optim {
class Optimizer;
}

namespace h5dcp {

// The DType of a torch element type, and back. Throws Error{unsupported} if there is none:
// quantised and sub-byte types, bits.
DType dtype_of(at::ScalarType type);
at::ScalarType scalar_type_of(DType dtype);

// A view of `tensor`'s own memory, which it keeps alive; nothing is copied.
//
// Throws Error{unsupported} if memory alone does not tell the values (the tensor is undefined,
// sparse, not on the CPU, a lazy negative or conjugate) or if there is no DType for them.
TensorView tensor_view(const at::Tensor& tensor);

// A tensor over the memory of `view`, which it keeps alive; nothing is copied.
at::Tensor to_tensor(const TensorView& view);

// The parameters and persistent buffers of a module by FQN, as views: loading fills them in place.
// The keys contain dots ("layers.0.weight"), as in Python's Module.state_dict().
StateDict state_dict(const torch::nn::Module& module);

// The state of an Adam, AdamW or SGD optimizer over `module`'s parameters, by FQN:
//   {"state": {"<fqn>.<name>": tensor or number, ...},
//    "param_groups": [{"lr": ..., ..., "params": [fqns]}]}
// Tensors are views. Before the first step the optimizer has no state to load into: this makes it,
// as zeros, without a step. A parameter that is frozen and always was has none; one with several
// FQNs goes by the first.
//
// Throws Error{unsupported} for another optimizer, Error{invalid_argument} if it holds a parameter
// that is not the module's.
StateDict state_dict(torch::optim::Optimizer& optimizer, const torch::nn::Module& module);

// Puts back what is not a view: step counts and the options of each group, from a state dict of
// that form that has been loaded. Groups are matched by their parameters. A TensorView of other
// memory than the optimizer's is copied; a ShardedTensor is taken to be one of the optimizer's
// views, filled.
//
// Throws as state_dict does, Error{not_found} for what `state_dict` lacks, Error{invalid_argument}
// for a value of another type or size; the optimizer may then have been changed in part.
void load_state_dict(torch::optim::Optimizer& optimizer, const torch::nn::Module& module,
                     const StateDict& state_dict);

}  // namespace h5dcp
