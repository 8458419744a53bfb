#include "dropout.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/stack.h>

namespace trainer {
namespace {

// The finalizer of MurmurHash3: neighbouring samples get seeds that have nothing in common.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccd;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53;
  return x ^ (x >> 33);
}

}  // namespace

Dropout::Dropout(double probability, std::uint64_t seed, std::int64_t first, std::int64_t count)
    : probability_(probability) {
  for (std::int64_t i = first; i < first + count; ++i) {
    generators_.push_back(
        at::detail::createCPUGenerator(mix(seed + static_cast<std::uint64_t>(i))));
  }
}

at::Tensor Dropout::operator()(const at::Tensor& x) {
  std::vector<at::Tensor> draws;
  for (const auto& generator : generators_) {
    draws.push_back(at::rand(x.sizes().slice(1), generator));
  }
  return x.mul(at::stack(draws).ge(probability_).div(1 - probability_));
}

}  // namespace trainer
