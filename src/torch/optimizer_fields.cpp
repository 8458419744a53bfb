#include "torch/optimizer_fields.hpp"

#include <ATen/ops/zeros_like.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <memory>

#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

using torch::optim::AdamOptions;
using torch::optim::AdamParamState;
using torch::optim::AdamWOptions;
using torch::optim::AdamWParamState;
using torch::optim::Optimizer;
using torch::optim::OptimizerOptions;
using torch::optim::SGDOptions;
using torch::optim::SGDParamState;

[[noreturn]] void refuse() {
  throw Error(ErrorCode::unsupported,
              "state of an optimizer: only that of Adam, AdamW and SGD is known");
}

template <class Options>
OptimizerFields adam_options(Options& options) {
  return {{"lr", &options.lr()},
          {"betas", &options.betas()},
          {"eps", &options.eps()},
          {"weight_decay", &options.weight_decay()},
          {"amsgrad", &options.amsgrad()}};
}

OptimizerFields sgd_options(SGDOptions& options) {
  return {{"lr", &options.lr()},
          {"momentum", &options.momentum()},
          {"dampening", &options.dampening()},
          {"weight_decay", &options.weight_decay()},
          {"nesterov", &options.nesterov()}};
}

template <class State>
State& state_of(Optimizer& optimizer, const at::Tensor& parameter) {
  auto& state = optimizer.state()[parameter.unsafeGetTensorImpl()];
  if (!state) state = std::make_unique<State>();
  return static_cast<State&>(*state);
}

template <class State>
OptimizerFields adam_state(State& state, bool amsgrad) {
  OptimizerFields fields = {
      {"step", &state.step()}, {"exp_avg", &state.exp_avg()}, {"exp_avg_sq", &state.exp_avg_sq()}};
  if (amsgrad) fields.push_back({"max_exp_avg_sq", &state.max_exp_avg_sq()});
  return fields;
}

OptimizerFields known_state_fields(Optimizer& optimizer, OptimizerOptions& options,
                                   const at::Tensor& parameter) {
  if (auto* adam = dynamic_cast<AdamOptions*>(&options)) {
    return adam_state(state_of<AdamParamState>(optimizer, parameter), adam->amsgrad());
  }
  if (auto* adamw = dynamic_cast<AdamWOptions*>(&options)) {
    return adam_state(state_of<AdamWParamState>(optimizer, parameter), adamw->amsgrad());
  }
  if (auto* sgd = dynamic_cast<SGDOptions*>(&options)) {
    if (sgd->momentum() == 0) return {};
    return {{"momentum_buffer", &state_of<SGDParamState>(optimizer, parameter).momentum_buffer()}};
  }
  refuse();
}

}  // namespace

OptimizerFields option_fields(OptimizerOptions& options) {
  if (auto* adam = dynamic_cast<AdamOptions*>(&options)) return adam_options(*adam);
  if (auto* adamw = dynamic_cast<AdamWOptions*>(&options)) return adam_options(*adamw);
  if (auto* sgd = dynamic_cast<SGDOptions*>(&options)) return sgd_options(*sgd);
  refuse();
}

OptimizerFields state_fields(Optimizer& optimizer, OptimizerOptions& options,
                             const at::Tensor& parameter) {
  auto fields = known_state_fields(optimizer, options, parameter);
  for (const auto& field : fields) {
    auto* const* tensor = std::get_if<at::Tensor*>(&field.place);
    if (tensor && !(*tensor)->defined()) **tensor = at::zeros_like(parameter);
  }
  return fields;
}

}  // namespace h5dcp
