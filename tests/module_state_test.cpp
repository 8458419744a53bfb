#include <gtest/gtest.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "h5dcp/error.hpp"
#include "h5dcp/torch.hpp"

namespace h5dcp {
namespace {

using torch::optim::Adam;
using torch::optim::AdamOptions;
using torch::optim::AdamW;
using torch::optim::AdamWOptions;
using torch::optim::Optimizer;
using torch::optim::OptimizerParamGroup;
using torch::optim::SGD;
using torch::optim::SGDOptions;

// Parameters on two levels, buffers, and a parameter that has no gradient.
struct Net : torch::nn::Module {
  torch::nn::Linear first{3, 4};
  torch::nn::BatchNorm1d norm{4};
  torch::nn::Linear last{torch::nn::LinearOptions(4, 2).bias(false)};
  at::Tensor unused;

  Net() {
    register_module("first", first);
    auto inner = std::make_shared<torch::nn::Module>();
    register_module("inner", inner);
    inner->register_module("norm", norm.ptr());
    inner->register_module("last", last.ptr());
    unused = register_parameter("unused", at::ones({2}));
  }

  at::Tensor forward(const at::Tensor& x) { return last(norm(first(x)).relu()); }
};

std::vector<std::string> keys(const StateDict& state) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : state) keys.push_back(key);
  return keys;
}

// The same every time it is called with the same `step`.
void train(Net& net, Optimizer& optimizer, int step) {
  const at::Tensor input = at::arange(15, at::kFloat).view({5, 3}).add(step).sin();
  optimizer.zero_grad();
  net.forward(input).square().mean().backward();
  optimizer.step();
}

// Copies what load would fill in place.
void copy_tensors(const StateDict& from, const StateDict& to) {
  ASSERT_EQ(keys(from), keys(to));
  for (const auto& [key, value] : from) {
    const auto* view = std::get_if<TensorView>(&value);
    if (view) to_tensor(std::get<TensorView>(to.at(key))).copy_(to_tensor(*view));
  }
}

void expect_equal(const StateDict& a, const StateDict& b, const std::string& why) {
  ASSERT_EQ(keys(a), keys(b)) << why;
  for (const auto& [key, value] : a) {
    const auto* view = std::get_if<TensorView>(&value);
    if (!view) {
      EXPECT_EQ(value, b.at(key)) << why << ": " << key;
    } else {
      const at::Tensor other = to_tensor(std::get<TensorView>(b.at(key)));
      EXPECT_TRUE(to_tensor(*view).equal(other)) << why << ": " << key;
    }
  }
}

struct Kind {
  const char* name;
  std::function<std::unique_ptr<Optimizer>(Net&)> make;
  std::vector<std::string> state;  // of one parameter
};

template <class Kind, class Options>
std::function<std::unique_ptr<Optimizer>(Net&)> making(Options options) {
  return [=](Net& net) { return std::make_unique<Kind>(net.parameters(), options); };
}

std::vector<Kind> kinds() {
  return {
      {"Adam", making<Adam>(AdamOptions(0.1)), {"step", "exp_avg", "exp_avg_sq"}},
      {"Adam, amsgrad",
       making<Adam>(AdamOptions(0.1).amsgrad(true).betas({0.5, 0.75})),
       {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"}},
      {"AdamW",
       making<AdamW>(AdamWOptions(0.1).weight_decay(0.2).eps(1e-3)),
       {"step", "exp_avg", "exp_avg_sq"}},
      {"SGD", making<SGD>(SGDOptions(0.1)), {}},
      {"SGD, momentum",
       making<SGD>(SGDOptions(0.1).momentum(0.9).nesterov(true)),
       {"momentum_buffer"}},
  };
}

TEST(ModuleState, IsItsParametersAndBuffersByFqn) {
  Net net;
  const StateDict state = state_dict(net);
  EXPECT_EQ(keys(state), (std::vector<std::string>{
                             "unused", "first.weight", "first.bias", "inner.norm.weight",
                             "inner.norm.bias", "inner.last.weight", "inner.norm.running_mean",
                             "inner.norm.running_var", "inner.norm.num_batches_tracked"}));
  const auto& view = std::get<TensorView>(state.at("inner.last.weight"));
  EXPECT_EQ(view.data, net.last->weight.data_ptr());
  EXPECT_EQ(view.sizes, (Extents{2, 4}));
}

TEST(OptimizerState, GoesByTheFqnsOfTheModule) {
  for (const auto& kind : kinds()) {
    Net net;
    const auto optimizer = kind.make(net);
    train(net, *optimizer, 0);
    const StateDict state = state_dict(*optimizer, net);
    std::vector<std::string> expected;
    for (const auto& parameter : net.named_parameters()) {
      for (const auto& name : kind.state) expected.push_back(parameter.key() + "." + name);
    }
    EXPECT_EQ(keys(std::get<Map>(state.at("state"))), expected) << kind.name;
  }
}

TEST(OptimizerState, HasTheOptionsOfEachGroup) {
  Net net;
  const auto adam = kinds()[1].make(net);
  const StateDict state = state_dict(*adam, net);
  const auto& groups = std::get<List>(state.at("param_groups"));
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(std::get<Map>(groups[0]),
            (Map{{"lr", 0.1},
                 {"betas", List{0.5, 0.75}},
                 {"eps", 1e-8},
                 {"weight_decay", 0.0},
                 {"amsgrad", true},
                 {"params", List{"unused", "first.weight", "first.bias", "inner.norm.weight",
                                 "inner.norm.bias", "inner.last.weight"}}}));
}

TEST(OptimizerState, RestoredIntoFreshObjectsTrainsOnBitForBit) {
  for (const auto& kind : kinds()) {
    Net net;
    const auto optimizer = kind.make(net);
    for (int step = 0; step < 3; ++step) train(net, *optimizer, step);
    optimizer->param_groups()[0].options().set_lr(0.05);  // as a schedule does

    Net fresh;
    const auto restored = kind.make(fresh);
    copy_tensors(state_dict(net), state_dict(fresh));
    load_state_dict(*restored, fresh, state_dict(*optimizer, net));
    for (int step = 3; step < 6; ++step) {
      train(net, *optimizer, step);
      train(fresh, *restored, step);
    }
    expect_equal(state_dict(net), state_dict(fresh), kind.name);
    const StateDict a = state_dict(*optimizer, net);
    const StateDict b = state_dict(*restored, fresh);
    expect_equal(std::get<Map>(a.at("state")), std::get<Map>(b.at("state")), kind.name);
    EXPECT_EQ(a.at("param_groups"), b.at("param_groups")) << kind.name;
  }
}

// To ask for the state is no step: what is trained then is what would have been.
TEST(OptimizerState, IsMadeWithoutAStep) {
  for (const auto& kind : kinds()) {
    Net net;
    Net fresh;
    copy_tensors(state_dict(net), state_dict(fresh));
    const auto optimizer = kind.make(net);
    const auto asked = kind.make(fresh);
    const StateDict zeros = state_dict(*asked, fresh);
    for (const auto& [key, value] : std::get<Map>(zeros.at("state"))) {
      if (const auto* view = std::get_if<TensorView>(&value)) {
        EXPECT_EQ(to_tensor(*view).count_nonzero().item<std::int64_t>(), 0) << key;
      } else {
        EXPECT_EQ(value, Value(0)) << key;
      }
    }
    train(net, *optimizer, 0);
    train(fresh, *asked, 0);
    expect_equal(state_dict(net), state_dict(fresh), kind.name);
  }
}

TEST(OptimizerState, OfAFrozenParameterIsNone) {
  Net net;
  net.first->bias.set_requires_grad(false);
  Adam adam(net.parameters(), AdamOptions(0.1));
  const StateDict dict = state_dict(adam, net);
  const auto& state = std::get<Map>(dict.at("state"));
  EXPECT_FALSE(state.contains("first.bias.exp_avg"));
  EXPECT_TRUE(state.contains("first.weight.exp_avg"));
}

TEST(OptimizerState, MatchesGroupsByTheirParameters) {
  const auto group = [](const at::Tensor& parameter, double lr) {
    return OptimizerParamGroup({parameter}, std::make_unique<AdamOptions>(lr));
  };
  Net net;
  Adam saved({group(net.first->bias, 0.1), group(net.first->weight, 0.2)});
  Net fresh;
  Adam reordered({group(fresh.first->weight, 1), group(fresh.first->bias, 1)});
  load_state_dict(reordered, fresh, state_dict(saved, net));
  EXPECT_EQ(reordered.param_groups()[0].options().get_lr(), 0.2);
  EXPECT_EQ(reordered.param_groups()[1].options().get_lr(), 0.1);
}

// An optimizer that h5dcp does not know.
struct OwnOptions : torch::optim::OptimizerCloneableOptions<OwnOptions> {
  std::unique_ptr<torch::optim::OptimizerOptions> clone() const {
    return std::make_unique<OwnOptions>(*this);
  }
};
struct Own : Optimizer {
  explicit Own(std::vector<at::Tensor> parameters)
      : Optimizer(std::move(parameters), std::make_unique<OwnOptions>()) {}
  at::Tensor step(LossClosure) override { return {}; }
};

TEST(OptimizerState, RefusesWhatItCannotNameOrFind) {
  struct Case {
    const char* why;
    std::function<void()> attempt;
    ErrorCode code;
  };
  Net net;
  Adam adam(net.parameters(), AdamOptions(0.1));
  SGD sgd(net.parameters(), SGDOptions(0.1).momentum(0.9));
  const auto changed = [&](const std::function<void(StateDict&)>& change) {
    StateDict state = state_dict(adam, net);
    change(state);
    load_state_dict(adam, net, state);
  };
  const auto group = [](StateDict& state) -> Map& {
    return std::get<Map>(std::get<List>(state.at("param_groups"))[0]);
  };
  const Case cases[] = {
      {"an optimizer of the caller's",
       [&] {
         Own own(net.parameters());
         state_dict(own, net);
       },
       ErrorCode::unsupported},
      {"a parameter of another module",
       [&] {
         Net other;
         state_dict(adam, other);
       },
       ErrorCode::invalid_argument},
      {"the state of another kind", [&] { load_state_dict(sgd, net, state_dict(adam, net)); },
       ErrorCode::not_found},
      {"no group with these parameters",
       [&] { changed([&](StateDict& state) { group(state)["params"] = List{"first.bias"}; }); },
       ErrorCode::not_found},
      {"text for a number",
       [&] { changed([&](StateDict& state) { group(state)["lr"] = "high"; }); },
       ErrorCode::invalid_argument},
      {"one number for two",
       [&] { changed([&](StateDict& state) { group(state)["betas"] = List{0.9}; }); },
       ErrorCode::invalid_argument},
      {"a tensor of another size",
       [&] {
         changed([&](StateDict& state) {
           std::get<Map>(state.at("state"))["first.bias.exp_avg"] = tensor_view(at::zeros({5}));
         });
       },
       ErrorCode::invalid_argument},
  };
  for (const auto& c : cases) {
    try {
      c.attempt();
      ADD_FAILURE() << c.why << ": no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), c.code) << c.why << ": " << error.what();
    }
  }
}

}  // namespace
}  // namespace h5dcp
