// What checksums cost: hashing a box block by block, against copying it.

#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "base/checksum.hpp"
#include "h5dcp/tensor.hpp"
#include "layout/blocks.hpp"

namespace {

// A float32 box of [rows, 1024], and its bytes.
struct Sample {
  explicit Sample(std::int64_t rows)
      : box{{0, 0}, {rows, 1024}},
        bytes(static_cast<std::size_t>(h5dcp::nbytes(h5dcp::DType::float32, box.sizes)), 'x') {}

  h5dcp::Box box;
  std::vector<char> bytes;
};

void hash_blocks(benchmark::State& state) {
  const Sample sample(state.range(0));
  const auto grid = h5dcp::block_grid(sample.box, 4);
  for (auto _ : state) {
    const char* at = sample.bytes.data();
    for (std::int64_t i = 0; i < h5dcp::block_count(grid); ++i) {
      const auto size = static_cast<std::size_t>(4 * h5dcp::numel(h5dcp::block(grid, i).sizes));
      benchmark::DoNotOptimize(h5dcp::xxh3(at, size));
      at += size;
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(sample.bytes.size()));
}

void copy_bytes(benchmark::State& state) {
  const Sample sample(state.range(0));
  std::vector<char> to(sample.bytes.size());
  for (auto _ : state) {
    std::memcpy(to.data(), sample.bytes.data(), to.size());
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(to.size()));
}

BENCHMARK(hash_blocks)->RangeMultiplier(32)->Range(1, 32 << 10);
BENCHMARK(copy_bytes)->RangeMultiplier(32)->Range(1, 32 << 10);

}  // namespace
