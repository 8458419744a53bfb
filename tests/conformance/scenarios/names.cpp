// Which entries a nested state dict becomes, and what comes back.

#include <complex>
#include <cstdint>
#include <optional>
#include <utility>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "scenarios/outcome.hpp"

namespace h5dcp::conformance {
namespace {

using Keys = std::vector<std::string>;

Json from_keys(const Job& job, const std::optional<Keys>& keys) {
  return of_value(load_state_dict_from_keys(keys, {.checkpoint_id = job.checkpoint()}));
}

// Its entries, and all of it as it comes back into nothing.
Json saved(const Job& job, StateDict state) {
  const auto metadata = save_to(job.checkpoint(), std::move(state));
  return {{"entries", of_entries(metadata)}, {"back", from_keys(job, std::nullopt)}};
}

Json nested(const Job& job) {
  return saved(job, {{"a", arange({2, 3})}, {"n", Map{{"b", floats({4}, 1)}, {"k", 7}}}});
}

Json values(const Job& job) {
  return saved(job, {{"null", Value()},
                     {"yes", true},
                     {"int", -3},
                     {"large", (std::int64_t{1} << 53) + 1},
                     {"float", 0.1},
                     {"whole", 2.0},
                     {"complex", std::complex<double>(1, -2)},
                     {"text", std::string("caf\u00e9 \0", 7)},
                     {"bytes", Bytes{0, 255}},
                     {"list", List{1.0, 2, true, Value(), "x", List{1, List{2.5}}}}});
}

Json lists(const Job& job) {
  return saved(job, {{"l", List{1, 2}},
                     {"m", List{1, floats({1}, 1), List{4, 5}}},
                     {"el", List{}},
                     {"lq", List{Map{{"q", 1}}}},
                     {"d", List{Value(List{Value(List{Map{{"x", 0}}})})}}});
}

Json empty_containers(const Job& job) {
  return saved(job, {{"e", Map{}}, {"ld", List{Map{}}}, {"n", Map{{"e", Map{}}, {"k", 1}}}});
}

Json one_name_twice(const Job& job) {
  return of_call([&] { save_to(job.checkpoint(), {{"a.b", 1}, {"a", Map{{"b", 2}}}}); }, {"a.b"});
}

Metadata save_not_flat(const Job& job, StateDict state) {
  DefaultSavePlanner planner({.flatten_state_dict = false});
  return save_to(job.checkpoint(), std::move(state), &planner);
}

Json not_flat(const Job& job) {
  const auto metadata =
      save_not_flat(job, {{"n", Map{{"a", 1}, {"b", "x"}}}, {"k", 7}, {"t", floats({2}, 1)}});
  DefaultLoadPlanner planner({.flatten_state_dict = false});
  return {{"kinds", of_entries(metadata).at("kinds")},
          {"loaded", loaded(job, {{"n", Map{}}, {"k", 0}, {"t", floats({2}, 0)}}, &planner)}};
}

Json not_flat_paths(const Job& job) {
  return of_entries(save_not_flat(job, {{"k", 7}})).at("paths");
}

// There is no other flag.
Json not_flat_by_one_flag(const Job& job) {
  save_not_flat(job, {{"k", 7}, {"t", floats({2}, 1)}});
  DefaultLoadPlanner planner({.flatten_state_dict = false});
  return loaded(job, {{"k", 0}, {"t", floats({2}, 0)}}, &planner);
}

Json some_keys(const Job& job) {
  save_to(job.checkpoint(),
          {{"m", Map{{"w", arange({4})}, {"k", 7}}}, {"mm", 1}, {"l", List{floats({1}, 1), 3}}});
  return {{"m", from_keys(job, Keys{"m"})},
          {"m.w", from_keys(job, Keys{"m.w"})},
          {"m.k l", from_keys(job, Keys{"m.k", "l"})},
          {"mm", from_keys(job, Keys{"mm"})}};
}

Json unknown_key(const Job& job) {
  save_to(job.checkpoint(), {{"m", Map{{"w", arange({4})}}}});
  Json back = Json::array();
  const auto outcome = of_call([&] { back.push_back(from_keys(job, Keys{"nope"})); }, {"nope"});
  return Json::array({outcome, back});
}

Json half_of_a_dotted_key(const Job& job) {
  save_to(job.checkpoint(), {{"a.b", Map{{"c", 1}}}, {"a", Map{{"d", 2}}}});
  return from_keys(job, Keys{"a"});
}

}  // namespace

std::vector<Scenario> name_scenarios() {
  return {{"C1.nested", 1, nested},
          {"C1.values", 1, values},
          {"C11.lists", 1, lists},
          {"C11.empty_containers", 1, empty_containers},
          {"C11.one_name_twice", 1, one_name_twice},
          {"C17.not_flat", 1, not_flat},
          {"C17.not_flat_paths", 1, not_flat_paths},
          {"C17.not_flat_by_one_flag", 1, not_flat_by_one_flag},
          {"C39.some_keys", 1, some_keys},
          {"C39.unknown_key", 1, unknown_key},
          {"C39.half_of_a_dotted_key", 1, half_of_a_dotted_key}};
}

}  // namespace h5dcp::conformance
