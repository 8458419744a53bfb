// Finding what of a tensor's stored boxes is in those that a rank wants.

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "h5dcp/default_planner.hpp"

namespace {

using h5dcp::Box;

constexpr std::int64_t kCell = 64;

// A tensor cut into `rows` by `columns` boxes of `height` by `width`.
std::vector<Box> grid(std::int64_t rows, std::int64_t columns, std::int64_t height,
                      std::int64_t width) {
  std::vector<Box> boxes;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      boxes.push_back({{i * height, j * width}, {height, width}});
    }
  }
  return boxes;
}

void run(benchmark::State& state, const std::vector<Box>& stored, const std::vector<Box>& wanted) {
  const auto side = state.range(0) * kCell;
  const h5dcp::TensorStorageMetadata metadata{{h5dcp::DType::bfloat16}, {side, side}, stored};
  std::size_t items = 0;
  for (auto _ : state) {
    items = h5dcp::create_read_items_for_chunk_list("layers.0.weight", metadata, wanted).size();
  }
  state.counters["items"] = static_cast<double>(items);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(items));
}

// Stored in rows by n ranks; each of n wants columns.
void rows_to_columns(benchmark::State& state) {
  const auto n = state.range(0);
  run(state, grid(n, 1, kCell, n * kCell), {{{0, kCell}, {n * kCell, kCell}}});
}

// Stored in rows by n ranks; each of n / 2 wants twice as many.
void rows_to_rows(benchmark::State& state) {
  const auto n = state.range(0);
  run(state, grid(n, 1, kCell, n * kCell), {{{2 * kCell, 0}, {2 * kCell, n * kCell}}});
}

// Stored in rows by n ranks; one rank wants all, in as many columns.
void all_columns(benchmark::State& state) {
  const auto n = state.range(0);
  run(state, grid(n, 1, kCell, n * kCell), grid(1, n, n * kCell, kCell));
}

BENCHMARK(rows_to_columns)->Arg(16)->Arg(128)->Arg(1024)->Arg(8192);
BENCHMARK(rows_to_rows)->Arg(16)->Arg(128)->Arg(1024)->Arg(8192);
BENCHMARK(all_columns)->Arg(16)->Arg(128);

}  // namespace
