// The algebra of boxes. From the seventh dimension on, extents live on the heap.

#include "h5dcp/box.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>

#include "h5dcp/tensor.hpp"

namespace {

using h5dcp::Box;
using h5dcp::Extents;

Extents filled(const benchmark::State& state, std::int64_t value) {
  const std::vector<std::int64_t> values(static_cast<std::size_t>(state.range(0)), value);
  return Extents(values);
}

void intersect(benchmark::State& state) {
  const Box a{filled(state, 0), filled(state, 4)};
  const Box b{filled(state, 2), filled(state, 4)};
  for (auto _ : state) benchmark::DoNotOptimize(h5dcp::intersect(a, b));
}

void contains(benchmark::State& state) {
  const Box outer{filled(state, 0), filled(state, 4)};
  const Box inner{filled(state, 1), filled(state, 2)};
  for (auto _ : state) benchmark::DoNotOptimize(h5dcp::contains(outer, inner));
}

void narrow(benchmark::State& state) {
  const auto tensor = h5dcp::allocate(h5dcp::DType::uint8, filled(state, 4));
  const Box part{filled(state, 1), filled(state, 2)};
  for (auto _ : state) benchmark::DoNotOptimize(h5dcp::narrow(tensor, part));
}

BENCHMARK(intersect)->Arg(2)->Arg(4)->Arg(8)->ArgName("dims");
BENCHMARK(contains)->Arg(2)->Arg(4)->Arg(8)->ArgName("dims");
BENCHMARK(narrow)->Arg(2)->Arg(4)->Arg(8)->ArgName("dims");

}  // namespace
