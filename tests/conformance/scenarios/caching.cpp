// Plans that are kept from save to save.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <variant>

#include "h5dcp/device_mesh.hpp"
#include "h5dcp/plan_cache.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "scenarios/outcome.hpp"

namespace h5dcp::conformance {
namespace {

// Whether no rank had anything to plan, what the metadata say of "w", and all that was saved.
Json saved(const Job& job, int number, StateDict state, PlanCache& cache) {
  const auto path = job.checkpoint(std::to_string(number));
  const auto result = save(state, {.checkpoint_id = path, .plan_cache = &cache});
  const auto metadata = result.metadata();
  const auto& w = std::get<TensorStorageMetadata>(metadata.state_dict_metadata.at("w"));
  const auto back = load_state_dict_from_keys(std::nullopt, {.checkpoint_id = path});
  return {result.repeated, to_string(w.properties.dtype), of_extents(w.size), of_value(back)};
}

// As many saves as `count`, each of a state of its own, with so many caches in turn.
Json saves(const Job& job, int count, const std::function<StateDict(int)>& state_of,
           std::size_t caches = 1) {
  std::vector<PlanCache> kept(caches);
  Json outcome = Json::array();
  for (int number = 0; number < count; ++number) {
    auto& cache = kept[static_cast<std::size_t>(number) % caches];
    outcome.push_back(saved(job, number, state_of(number), cache));
  }
  return outcome;
}

ShardedTensor rows(const Job& job, std::int64_t count, int first, DType dtype = DType::float32) {
  const DeviceMesh mesh({job.size});
  const auto full = allocate(dtype, {count});
  copy_elements(arange({count}, static_cast<float>(first)), full);
  const auto part = narrow(full, local_box({count}, mesh, {Shard{0}}, job.rank));
  return distribute(part, {count}, mesh, {Shard{0}}, job.rank);
}

StateDict state_of(const Job& job, int number) {
  return {{"w", rows(job, 6, 10 * number)},
          {"r", floats({3}, static_cast<float>(number))},
          {"k", number},
          {"s", "run " + std::to_string(number)},
          {"l", List{number, "x"}}};
}

StateDict with(StateDict state, const std::string& key, Value value) {
  state[key] = std::move(value);
  return state;
}

Json other_elements(const Job& job) {
  return saves(job, 3, [&](int number) { return state_of(job, number); });
}

// The second and third state are of one shape.
Json other_shape(const Job& job) {
  return saves(job, 3, [&](int number) {
    if (number == 0) return state_of(job, number);
    return with(with(state_of(job, number), "w", rows(job, 9, number)), "more", number);
  });
}

// As above, but on rank 1 alone.
Json other_keys_on_one_rank(const Job& job) {
  return saves(job, 3, [&](int number) {
    if (number == 0 || job.rank != 1) return state_of(job, number);
    return with(state_of(job, number), "more", number);
  });
}

StateDict two_shapes(const Job& job, int number) {
  if (number % 2 == 0) return state_of(job, number);
  return with(state_of(job, number), "w", rows(job, 9, number));
}

Json alternating(const Job& job) {
  return saves(job, 4, [&](int number) { return two_shapes(job, number); });
}

// Of each save: whether the plan was kept, and "w".
Json alternating_with_a_cache_for_each(const Job& job) {
  const auto states = [&](int number) { return two_shapes(job, number); };
  Json outcome = Json::array();
  for (const auto& each : saves(job, 4, states, 2)) {
    outcome.push_back({each.at(0), each.at(3).at("w")});
  }
  return outcome;
}

// Of each save: whether the plan was kept, and the length of "s".
Json longer_value(const Job& job) {
  const auto states = [&](int number) {
    return with(state_of(job, number), "s",
                std::string(static_cast<std::size_t>(500 * number), '!'));
  };
  Json outcome = Json::array();
  for (const auto& each : saves(job, 2, states)) {
    outcome.push_back({each.at(0), each.at(3).at("s").get<std::string>().size()});
  }
  return outcome;
}

// Of each save: whether the plan was kept, and what the metadata say.
Json other_dtype(const Job& job) {
  const auto states = [&](int number) {
    if (number == 0) return state_of(job, number);
    return with(state_of(job, number), "w", rows(job, 6, 10 * number, DType::float64));
  };
  Json outcome = Json::array();
  for (const auto& each : saves(job, 2, states)) outcome.push_back({each.at(0), each.at(1)});
  return outcome;
}

}  // namespace

std::vector<Scenario> caching_scenarios() {
  return {{"C25.other_elements", 2, other_elements},
          {"C25.other_shape", 2, other_shape},
          {"C25.other_keys_on_one_rank", 2, other_keys_on_one_rank},
          {"C25.alternating", 2, alternating},
          {"C25.alternating_with_a_cache_for_each", 2, alternating_with_a_cache_for_each},
          {"C25.longer_value", 2, longer_value},
          {"C25.other_dtype", 2, other_dtype}};
}

}  // namespace h5dcp::conformance
