#include "trainer.hpp"

#include <ATen/CPUGeneratorImpl.h>

#include <array>
#include <cmath>
#include <memory>
#include <mutex>
#include <utility>

#include "dropout.hpp"
#include "h5dcp/torch.hpp"
#include "stop_signal.hpp"

namespace trainer {
namespace {

constexpr double kDropout = 0.1;

at::Tensor whole(const ParameterSpec& spec, const at::Generator& generator) {
  at::Tensor tensor = at::zeros(spec.sizes);
  if (spec.start == ParameterSpec::Start::ones) tensor.fill_(1);
  if (spec.start == ParameterSpec::Start::normal) {
    tensor.normal_(0, 1 / std::sqrt(static_cast<double>(spec.sizes.back())), generator);
  }
  return tensor;
}

// Registers `tensor` in the module that the FQN leads to, which is made if it must.
void add_parameter(torch::nn::Module& module, const std::string& fqn, const at::Tensor& tensor) {
  const auto dot = fqn.find('.');
  if (dot == std::string::npos) {
    module.register_parameter(fqn, tensor);
    return;
  }
  const std::string name = fqn.substr(0, dot);
  const auto children = module.named_children();
  const auto* found = children.find(name);
  const auto child =
      found ? *found : module.register_module(name, std::make_shared<torch::nn::Module>());
  add_parameter(*child, fqn.substr(dot + 1), tensor);
}

// The next of the generator's numbers.
std::uint64_t draw(at::Generator& generator) {
  const std::lock_guard lock(generator.mutex());
  return generator.get<at::CPUGeneratorImpl>()->random64();
}

}  // namespace

Trainer::Trainer(const Options& options, Samples samples, MPI_Comm comm)
    : comm_(comm),
      shape_{options.layers, options.hidden, options.heads, options.context},
      batch_(options.batch),
      generator_(at::detail::createCPUGenerator(static_cast<std::uint64_t>(options.seed))),
      samples_(std::move(samples)) {
  MPI_Comm_rank(comm, &rank_);
  MPI_Comm_size(comm, &size_);
  std::vector<at::Tensor> shards;
  for (const auto& spec : parameters_of(shape_)) {
    parameters_.emplace_back(spec.fqn, whole(spec, generator_), comm);
    shards.push_back(parameters_.back().shard());
    add_parameter(module_, spec.fqn, shards.back());
  }
  optimizer_.emplace(std::move(shards), torch::optim::AdamWOptions(schedule_.rate()));
}

Trainer::Step Trainer::step() {
  const std::uint64_t seed = draw(generator_);
  const std::int64_t first = batch_ * rank_ / size_;
  const std::int64_t last = batch_ * (rank_ + 1) / size_;
  const double loss = learn(first, last - first, seed);
  std::array<double, 2> sums = {loss, stop_signal_came() ? 1.0 : 0.0};
  MPI_Allreduce(MPI_IN_PLACE, sums.data(), 2, MPI_DOUBLE, MPI_SUM, comm_);

  optimizer_->param_groups()[0].options().set_lr(schedule_.rate());
  optimizer_->step();
  optimizer_->zero_grad();
  position_ += batch_;
  ++schedule_.step;
  return {.loss = sums[0], .stop = sums[1] > 0};
}

// The part of samples first ... first + count - 1 of the batch in its loss, and, left in the
// shards, their gradient of it. Only in here whole parameters exist.
double Trainer::learn(std::int64_t first, std::int64_t count, std::uint64_t seed) {
  Parameters parameters;
  for (const auto& parameter : parameters_) parameters[parameter.fqn()] = parameter.gather();

  double result = 0;
  if (count > 0) {  // else there are more ranks than samples
    const at::Tensor bytes = at::empty({count, shape_.context + 1}, at::kLong);
    auto* next = bytes.mutable_data_ptr<std::int64_t>();
    for (std::int64_t i = first; i < first + count; ++i) {
      for (const char byte : samples_.at(position_ + i)) *next++ = static_cast<std::uint8_t>(byte);
    }
    Dropout dropout(kDropout, seed, first, count);
    const auto predicted = static_cast<double>(batch_ * shape_.context);
    const at::Tensor loss = loss_of(shape_, parameters, bytes, dropout) / predicted;
    loss.backward();
    result = loss.item<double>();
  }

  for (const auto& parameter : parameters_) {
    at::Tensor& whole = parameters.at(parameter.fqn());
    parameter.reduce_gradient(count > 0 ? whole.grad() : at::zeros_like(whole));
    whole.reset();
  }
  return result;
}

std::int64_t Trainer::parameter_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& parameter : parameters_) bytes += parameter.nbytes();
  return bytes;
}

std::int64_t Trainer::moment_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& parameter : parameters_) {
    bytes += 2 * static_cast<std::int64_t>(parameter.shard().nbytes());
  }
  return bytes;
}

}  // namespace trainer
