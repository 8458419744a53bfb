// Nested state dicts to names and back.

#include "h5dcp/flatten.hpp"

#include <benchmark/benchmark.h>

#include <string>

#include "h5dcp/state_dict.hpp"
#include "h5dcp/tensor.hpp"

namespace {

using h5dcp::Map;

// Ten tensors a layer, three maps deep.
h5dcp::StateDict state_dict(std::int64_t tensors) {
  const auto tensor = h5dcp::allocate(h5dcp::DType::float32, {4});
  Map layers;
  for (std::int64_t layer = 0; layer < tensors / 10; ++layer) {
    Map block;
    for (int i = 0; i < 10; ++i) block["linear" + std::to_string(i)] = Map{{"weight", tensor}};
    layers[std::to_string(layer)] = std::move(block);
  }
  return {{"layers", std::move(layers)}};
}

void flatten(benchmark::State& state) {
  auto dict = state_dict(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(h5dcp::flatten_state_dict(dict));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void unflatten(benchmark::State& state) {
  auto dict = state_dict(state.range(0));
  const auto leaves = h5dcp::flatten_state_dict(dict);
  for (auto _ : state) benchmark::DoNotOptimize(h5dcp::unflatten_state_dict(leaves));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(flatten)->Arg(1000)->Arg(20'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(unflatten)->Arg(1000)->Arg(20'000)->Unit(benchmark::kMicrosecond);

}  // namespace
