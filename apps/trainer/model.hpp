// A GPT over bytes, as a function of its parameters.

#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "dropout.hpp"

namespace trainer {

inline constexpr std::int64_t kVocabulary = 256;  // all bytes

struct Shape {
  std::int64_t layers = 0;
  std::int64_t hidden = 0;
  std::int64_t heads = 0;
  std::int64_t context = 0;
};

struct ParameterSpec {
  enum class Start { zeros, ones, normal };

  std::string fqn;
  std::vector<std::int64_t> sizes;
  Start start = Start::zeros;
};

// In the order in which they are used.
std::vector<ParameterSpec> parameters_of(const Shape& shape);

using Parameters = std::unordered_map<std::string, at::Tensor>;

// The loss, summed over every byte that is predicted: in each row of `bytes`, all but the first.
at::Tensor loss_of(const Shape& shape, const Parameters& parameters, const at::Tensor& bytes,
                   Dropout& dropout);

}  // namespace trainer
