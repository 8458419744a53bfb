// Dropout that does not depend on which rank computes a sample.

#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace trainer {

class Dropout {
 public:
  // For samples first, first + 1, ... of a step whose seed is `seed`: each has a generator of its
  // own, which follows from the two.
  Dropout(double probability, std::uint64_t seed, std::int64_t first, std::int64_t count);

  // x[i] belongs to sample first + i.
  at::Tensor operator()(const at::Tensor& x);

 private:
  double probability_;
  std::vector<at::Generator> generators_;
};

}  // namespace trainer
