// Plans as messages: of n items, one of a name each, to their owner and back.

#include "negotiate/plan_wire.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "h5dcp/default_planner.hpp"
#include "negotiate/save_negotiation.hpp"
#include "row_plan.hpp"

namespace {

using h5dcp::Message;
using h5dcp::OwnerNegotiation;

h5dcp::SavePlan plan(const benchmark::State& state) {
  return bench::plan_of(0, {.ranks = 1, .tensors = static_cast<int>(state.range(0)), .holders = 1});
}

void count(benchmark::State& state, std::size_t bytes) {
  state.counters["bytes_an_item"] =
      static_cast<double>(bytes) / static_cast<double>(state.range(0));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void encode_proposals(benchmark::State& state) {
  const auto made = plan(state);
  std::size_t bytes = 0;
  for (auto _ : state) {
    h5dcp::WireWriter wire;
    for (const auto& item : made.items) h5dcp::encode_proposal(wire, item);
    bytes = wire.take().size();
  }
  count(state, bytes);
}

void decode_proposals(benchmark::State& state) {
  h5dcp::WireWriter writer;
  for (const auto& item : plan(state).items) h5dcp::encode_proposal(writer, item);
  const auto bytes = writer.take();
  for (auto _ : state) {
    for (h5dcp::WireReader wire(bytes); !wire.at_end();) {
      benchmark::DoNotOptimize(h5dcp::decode_proposal(wire, 0, 0));
    }
  }
  count(state, bytes.size());
}

// An owner that has decided; places are as long as those of Hdf5Writer.
struct Owner {
  explicit Owner(const h5dcp::SavePlan& proposed) : negotiation(proposed, 1) {
    h5dcp::DefaultSavePlanner planner;
    negotiation.merge(negotiation.proposals(), planner);
    for (const auto& entry : negotiation.share()) {
      places.emplace_back(entry.chunks.size(), h5dcp::Bytes(15));
    }
  }

  OwnerNegotiation negotiation;
  std::vector<std::vector<h5dcp::StorageData>> places;
};

void encode_answers(benchmark::State& state) {
  const Owner owner(plan(state));
  std::size_t bytes = 0;
  for (auto _ : state) bytes = owner.negotiation.answers(owner.places).front().bytes.size();
  count(state, bytes);
}

void decode_answers(benchmark::State& state) {
  const auto made = plan(state);
  const Owner owner(made);
  const auto answers = owner.negotiation.answers(owner.places);
  for (auto _ : state) {
    state.PauseTiming();
    OwnerNegotiation holder(made, 1);
    holder.proposals();
    state.ResumeTiming();
    benchmark::DoNotOptimize(holder.apply(answers));
  }
  count(state, answers.front().bytes.size());
}

BENCHMARK(encode_proposals)->Arg(1000)->Arg(20'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(decode_proposals)->Arg(1000)->Arg(20'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(encode_answers)->Arg(1000)->Arg(20'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(decode_answers)->Arg(1000)->Arg(20'000)->Unit(benchmark::kMicrosecond);

}  // namespace
