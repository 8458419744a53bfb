// Gathering a strided box into contiguous memory and scattering it back, against memcpy of as many
// bytes, and the conversion of dtypes on the way.

#include <benchmark/benchmark.h>

#include <cstring>

#include "h5dcp/tensor.hpp"

namespace {

using h5dcp::Box;
using h5dcp::DType;
using h5dcp::TensorView;

constexpr std::int64_t kRows = 1024;

void count_bytes(benchmark::State& state, const TensorView& view) {
  state.SetBytesProcessed(state.iterations() * h5dcp::nbytes(view.dtype, view.sizes));
}

// Columns of a tensor four times as wide.
TensorView strided(std::int64_t columns) {
  const auto whole = h5dcp::allocate(DType::float32, {kRows, 4 * columns});
  return h5dcp::narrow(whole, Box{{0, columns}, {kRows, columns}});
}

void run(benchmark::State& state, const TensorView& from, const TensorView& to) {
  for (auto _ : state) {
    h5dcp::copy_elements(from, to);
    benchmark::ClobberMemory();
  }
  count_bytes(state, from);
}

void gather(benchmark::State& state) {
  const auto columns = state.range(0);
  run(state, strided(columns), h5dcp::allocate(DType::float32, {kRows, columns}));
}

void scatter(benchmark::State& state) {
  const auto columns = state.range(0);
  run(state, h5dcp::allocate(DType::float32, {kRows, columns}), strided(columns));
}

void to_bfloat16(benchmark::State& state) {
  const auto columns = state.range(0);
  run(state, h5dcp::allocate(DType::float32, {kRows, columns}),
      h5dcp::allocate(DType::bfloat16, {kRows, columns}));
}

void copy_bytes(benchmark::State& state) {
  const auto from = h5dcp::allocate(DType::float32, {kRows, state.range(0)});
  const auto to = h5dcp::allocate(DType::float32, from.sizes);
  for (auto _ : state) {
    std::memcpy(to.data, from.data, static_cast<std::size_t>(nbytes(from.dtype, from.sizes)));
    benchmark::ClobberMemory();
  }
  count_bytes(state, from);
}

BENCHMARK(gather)->Arg(4)->Arg(64)->Arg(1024);
BENCHMARK(scatter)->Arg(4)->Arg(64)->Arg(1024);
BENCHMARK(to_bfloat16)->Arg(1024);
BENCHMARK(copy_bytes)->Arg(4)->Arg(64)->Arg(1024);

}  // namespace
