#include "model.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

namespace trainer {
namespace {

// A part of the model: its parameters are those whose FQN starts with `prefix`.
struct Part {
  const Parameters& parameters;
  std::string prefix;

  Part operator[](const std::string& name) const { return {parameters, prefix + name + "."}; }
  const at::Tensor& weight() const { return parameters.at(prefix + "weight"); }
  const at::Tensor& bias() const { return parameters.at(prefix + "bias"); }
};

at::Tensor linear(const at::Tensor& x, const Part& part) {
  return at::linear(x, part.weight(), part.bias());
}

at::Tensor normalize(const at::Tensor& x, const Part& part) {
  return at::layer_norm(x, part.weight().sizes(), part.weight(), part.bias());
}

at::Tensor attend(const at::Tensor& x, const Part& part, std::int64_t heads) {
  const auto samples = x.size(0);
  const auto context = x.size(1);
  const auto width = x.size(2) / heads;
  const auto of_heads = linear(x, part["qkv"])
                            .view({samples, context, 3, heads, width})
                            .permute({2, 0, 3, 1, 4})
                            .unbind();
  const at::Tensor future = at::ones({context, context}, at::kBool).triu(1);
  const double scale = 1 / std::sqrt(static_cast<double>(width));
  const at::Tensor scores = at::matmul(of_heads[0], of_heads[1].transpose(2, 3))
                                .mul(scale)
                                .masked_fill(future, -std::numeric_limits<double>::infinity())
                                .softmax(-1);
  const at::Tensor mixed = at::matmul(scores, of_heads[2]).transpose(1, 2).flatten(2);
  return linear(mixed, part["out"]);
}

}  // namespace

std::vector<ParameterSpec> parameters_of(const Shape& shape) {
  using Start = ParameterSpec::Start;
  const auto hidden = shape.hidden;
  std::vector<ParameterSpec> specs;
  const auto add_linear = [&](const std::string& fqn, std::int64_t out, std::int64_t in) {
    specs.push_back({fqn + ".weight", {out, in}, Start::normal});
    specs.push_back({fqn + ".bias", {out}, Start::zeros});
  };
  const auto add_norm = [&](const std::string& fqn) {
    specs.push_back({fqn + ".weight", {hidden}, Start::ones});
    specs.push_back({fqn + ".bias", {hidden}, Start::zeros});
  };

  specs.push_back({"byte_embedding.weight", {kVocabulary, hidden}, Start::normal});
  specs.push_back({"position_embedding.weight", {shape.context, hidden}, Start::normal});
  for (std::int64_t i = 0; i < shape.layers; ++i) {
    const std::string layer = "layers." + std::to_string(i);
    add_norm(layer + ".attention_norm");
    add_linear(layer + ".attention.qkv", 3 * hidden, hidden);
    add_linear(layer + ".attention.out", hidden, hidden);
    add_norm(layer + ".mlp_norm");
    add_linear(layer + ".mlp.up", 4 * hidden, hidden);
    add_linear(layer + ".mlp.down", hidden, 4 * hidden);
  }
  add_norm("norm");
  add_linear("head", kVocabulary, hidden);
  return specs;
}

at::Tensor loss_of(const Shape& shape, const Parameters& parameters, const at::Tensor& bytes,
                   Dropout& dropout) {
  const Part model{parameters, ""};
  const auto context = bytes.size(1) - 1;
  const at::Tensor known = bytes.narrow(1, 0, context);
  const at::Tensor next = bytes.narrow(1, 1, context);

  at::Tensor x = dropout(at::embedding(model["byte_embedding"].weight(), known) +
                         model["position_embedding"].weight());
  for (std::int64_t i = 0; i < shape.layers; ++i) {
    const Part layer = model["layers"][std::to_string(i)];
    x = x + dropout(attend(normalize(x, layer["attention_norm"]), layer["attention"], shape.heads));
    const at::Tensor up = linear(normalize(x, layer["mlp_norm"]), layer["mlp"]["up"]);
    x = x + dropout(linear(at::gelu(up), layer["mlp"]["down"]));
  }
  const at::Tensor logits = linear(normalize(x, model["norm"]), model["head"]);
  return at::cross_entropy_loss(logits.flatten(0, 1), next.flatten(), {}, at::Reduction::None)
      .sum(at::kDouble);
}

}  // namespace trainer
