// What the owner of a name does with what the ranks propose to write under it.

#include <benchmark/benchmark.h>

#include "h5dcp/planner.hpp"
#include "plan/merge.hpp"

namespace {

using h5dcp::Box;
using h5dcp::Extents;

// A tensor that `ranks` hold, each a box of its own in a grid of `row_pieces` by `column_pieces`;
// the grid is held as many times as there are ranks for it.
h5dcp::Proposals propose(std::int64_t ranks, std::int64_t row_pieces, std::int64_t column_pieces) {
  const Extents piece{64, 64};
  const Extents size{row_pieces * piece[0], column_pieces * piece[1]};
  h5dcp::Proposals proposals{"layers.0.weight", {"layers", "0", "weight"}, {}};
  for (std::int64_t rank = 0; rank < ranks; ++rank) {
    const auto number = rank % (row_pieces * column_pieces);
    const Box box{{number / column_pieces * piece[0], number % column_pieces * piece[1]}, piece};
    proposals.holders.push_back({static_cast<int>(rank),
                                 0,
                                 h5dcp::WriteItemType::shard,
                                 {box, {h5dcp::DType::bfloat16}, size},
                                 {}});
  }
  return proposals;
}

void run(benchmark::State& state, const h5dcp::Proposals& proposals) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(h5dcp::merge(proposals, h5dcp::Replicas::split));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void rows(benchmark::State& state) {
  run(state, propose(state.range(0), state.range(0), 1));
}

void mesh(benchmark::State& state) {
  run(state, propose(state.range(0), state.range(0) / 16, 16));
}

void replicas(benchmark::State& state) {
  run(state, propose(state.range(0), 1, 1));
}

BENCHMARK(rows)->RangeMultiplier(8)->Range(16, 1024);
BENCHMARK(mesh)->RangeMultiplier(8)->Range(16, 1024);
BENCHMARK(replicas)->RangeMultiplier(8)->Range(16, 1024);

}  // namespace
