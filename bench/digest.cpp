// Whether a plan is that of an earlier save: what a rank does for it in each save.

#include <benchmark/benchmark.h>

#include "negotiate/plan_digest.hpp"
#include "row_plan.hpp"

namespace {

void digest(benchmark::State& state) {
  const auto plan = bench::plan_of(1, {.ranks = 4, .tensors = static_cast<int>(state.range(0))});
  const h5dcp::PlanContext context{1, 4, 0, "planner", "options", "writer"};
  for (auto _ : state) benchmark::DoNotOptimize(h5dcp::plan_digest(plan, {}, context));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(digest)->Arg(1000)->Arg(20'000)->Unit(benchmark::kMicrosecond);

}  // namespace
