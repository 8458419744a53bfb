// What rank 0 does of a save: all groups, datasets and attributes of a file, by both makers.
//
// The file is in the folder for temporary files ($TMPDIR).

#include "skeleton/skeleton.hpp"

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace {

using h5dcp::SkeletonEntry;
using h5dcp::SkeletonMaker;

// Small tensors, so that the space for their data costs little, `in_group` in each group.
std::vector<SkeletonEntry> entries(std::int64_t count, std::int64_t in_group) {
  std::vector<SkeletonEntry> made;
  for (std::int64_t i = 0; i < count; ++i) {
    made.push_back({.fqn = "model.layers." + std::to_string(i / in_group) + ".weight" +
                           std::to_string(i % in_group),
                    .path = "",
                    .dtype = h5dcp::DType::float32,
                    .sizes = {8, 8},
                    .chunks = 1,
                    .checksums = 1});
  }
  std::ranges::sort(made, {}, &SkeletonEntry::fqn);
  return made;
}

void run(benchmark::State& state, SkeletonMaker maker) {
  const auto all = entries(state.range(0), state.range(1));
  const auto path =
      std::filesystem::temp_directory_path() / ("h5dcp_bench_" + std::to_string(::getpid()));
  for (auto _ : state) {
    benchmark::DoNotOptimize(h5dcp::make_skeleton(h5dcp::make_file(path, {}), all,
                                                  {.generation = 1, .world_size = 1}, maker));
    state.PauseTiming();
    std::filesystem::remove(path);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void direct(benchmark::State& state) {
  run(state, SkeletonMaker::direct);
}

void hdf5(benchmark::State& state) {
  run(state, SkeletonMaker::hdf5);
}

const std::vector<std::vector<std::int64_t>> kCases{{20'000, 200'000}, {10, 1000}};
BENCHMARK(direct)
    ->ArgsProduct(kCases)
    ->ArgNames({"datasets", "in_group"})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(hdf5)
    ->ArgsProduct(kCases)
    ->ArgNames({"datasets", "in_group"})
    ->Unit(benchmark::kMillisecond);

}  // namespace
