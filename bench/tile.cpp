// Whether n boxes tile a tensor.

#include "plan/tile.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <vector>

namespace {

using h5dcp::Box;
using h5dcp::Extents;

const Extents kSizes{1 << 20, 1 << 20};

void run(benchmark::State& state, const std::vector<Box>& boxes) {
  for (auto _ : state) {
    if (h5dcp::find_tiling_fault(kSizes, boxes)) state.SkipWithError("these boxes are no tiling");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(boxes.size()));
}

std::vector<Box> grid_of(std::int64_t rows, std::int64_t columns) {
  const Extents piece{kSizes[0] / rows, kSizes[1] / columns};
  std::vector<Box> boxes;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j)
      boxes.push_back({{i * piece[0], j * piece[1]}, piece});
  }
  return boxes;
}

void rows(benchmark::State& state) {
  run(state, grid_of(state.range(0), 1));
}

void grid(benchmark::State& state) {
  run(state, grid_of(state.range(0) / 32, 32));
}

// Rows, each cut at another place: no cut goes through the whole tensor.
void slabs(benchmark::State& state) {
  const auto height = 2 * kSizes[0] / state.range(0);
  std::vector<Box> boxes;
  for (std::int64_t i = 0; i < state.range(0) / 2; ++i) {
    boxes.push_back({{i * height, 0}, {height, i + 1}});
    boxes.push_back({{i * height, i + 1}, {height, kSizes[1] - i - 1}});
  }
  run(state, boxes);
}

// A random box is halved again and again, and all are shuffled.
void irregular(benchmark::State& state) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same boxes in each run
  std::vector<Box> boxes{{{0, 0}, kSizes}};
  while (boxes.size() < static_cast<std::size_t>(state.range(0))) {
    Box& low = boxes[random() % boxes.size()];
    const std::size_t dim = random() % 2;
    if (low.sizes[dim] < 2) continue;
    Box high = low;
    low.sizes[dim] /= 2;
    high.offsets[dim] += low.sizes[dim];
    high.sizes[dim] -= low.sizes[dim];
    boxes.push_back(high);
  }
  std::ranges::shuffle(boxes, random);
  run(state, boxes);
}

BENCHMARK(rows)->Arg(64)->Arg(1024)->Arg(16384);
BENCHMARK(grid)->Arg(64)->Arg(1024)->Arg(16384);
BENCHMARK(slabs)->Arg(64)->Arg(1024)->Arg(16384);
BENCHMARK(irregular)->Arg(64)->Arg(1024)->Arg(16384);

}  // namespace
