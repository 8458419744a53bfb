// What is in memory after a load.

#include <utility>
#include <variant>

#include "h5dcp/default_planner.hpp"
#include "scenarios/outcome.hpp"

namespace h5dcp::conformance {
namespace {

TensorView integers() {  // 0 to 5 in two rows
  const auto tensor = allocate(DType::int64, {2, 3});
  copy_elements(arange({2, 3}), tensor);
  return tensor;
}

TensorView transposed(const TensorView& matrix) {
  TensorView view = matrix;
  std::swap(view.sizes[0], view.sizes[1]);
  std::swap(view.strides[0], view.strides[1]);
  return view;
}

TensorView expanded(TensorView tensor, const Extents& sizes) {
  tensor.sizes = sizes;
  tensor.strides[0] = 0;
  return tensor;
}

// How a load of the scenario's checkpoint ends.
Json load_of(const Job& job, StateDict state, const std::vector<std::string>& names = {}) {
  return of_call([&] { load_from(job.checkpoint(), state); }, names);
}

Json views(const Job& job) {
  const auto base = arange({3, 4});
  save_to(job.checkpoint(), {{"slice", narrow(base, {{0, 1}, {3, 2}})},
                             {"transposed", transposed(base)},
                             {"expanded", expanded(floats({1}, 1), {5})}});
  return loaded(job, {{"slice", floats({3, 2}, 0)},
                      {"transposed", floats({4, 3}, 0)},
                      {"expanded", floats({5}, 0)}});
}

Json missing(const Job& job) {
  save_to(job.checkpoint(), {{"a", floats({2}, 1)}});
  return load_of(job, {{"zz", 1}}, {"zz"});
}

Json missing_on_one_rank(const Job& job) {
  save_to(job.checkpoint(), {{"a", floats({2}, 1)}});
  return load_of(job, job.rank == 1 ? StateDict{{"zz", 1}} : StateDict{{"a", floats({2}, 0)}},
                 {"zz"});
}

Json partial(const Job& job) {
  save_to(job.checkpoint(), {{"a", floats({2}, 1)}});
  DefaultLoadPlanner planner({.allow_partial_load = true});
  return loaded(job, {{"zz", floats({1}, 0)}, {"i", 3}, {"l", List{1, 2}}, {"a", floats({2}, 0)}},
                &planner);
}

Json partial_of_a_rare_type(const Job& job) {
  save_to(job.checkpoint(), {{"a", floats({2}, 1)}});
  DefaultLoadPlanner planner({.allow_partial_load = true});
  const std::complex<double> number(1, 2);
  return loaded(job, {{"c", number}, {"l", List{1, number}}}, &planner);
}

Json converts(const Job& job) {
  save_to(job.checkpoint(), {{"a", integers()}});
  const auto memory = allocate(DType::bfloat16, {3, 2});
  StateDict state{{"a", transposed(memory)}};
  load_from(job.checkpoint(), state);
  return {{"memory", of_value(memory)},
          {"same", std::get<TensorView>(state.at("a")).data == memory.data},
          {"float64", loaded(job, {{"a", allocate(DType::float64, {2, 3})}})},
          {"bool", loaded(job, {{"a", allocate(DType::boolean, {2, 3})}})}};
}

Json other_size(const Job& job) {
  save_to(job.checkpoint(), {{"aa", integers()}});
  Json outcome;
  for (const auto& sizes : {Extents{3, 2}, Extents{6}, Extents{2, 3, 1}}) {
    outcome[to_string(sizes)] = load_of(job, {{"aa", floats(sizes, 0)}}, {"aa"});
  }
  return outcome;
}

Json expanded_target(const Job& job) {
  save_to(job.checkpoint(), {{"aa", integers()}});
  return load_of(job, {{"aa", expanded(floats({1, 3}, 0), {2, 3})}});
}

Json value_for_tensor(const Job& job) {
  save_to(job.checkpoint(), {{"k", 7}});
  return loaded(job, {{"k", floats({2}, 0)}});
}

Json tensor_for_value(const Job& job) {
  save_to(job.checkpoint(), {{"aa", floats({1}, 1)}});
  return load_of(job, {{"aa", 3}}, {"aa"});
}

void save_numbered(const Job& job) {
  save_to(job.checkpoint(), {{"s", Map{{"0", Map{{"step", 3}, {"m", floats({2}, 1)}}}}}});
}

Json keys_that_are_numbers(const Job& job) {
  save_numbered(job);
  return loaded(job, {{"s", Map{{"0", Map{{"m", floats({2}, 0)}, {"step", -1}}}}}});
}

// There are none: "0" is the nearest.
Json keys_of_type_int(const Job& job) {
  save_numbered(job);
  const auto state = loaded(job, {{"s", Map{{"0", Map{{"step", -1}, {"m", floats({2}, 0)}}}}}});
  const auto& part = state.at("s");
  return {{"step", part.at("0").at("step")}, {"m", part.at("0").at("m")}, {"keys", part.size()}};
}

Json empty_tensor(const Job& job) {
  const auto metadata = save_to(job.checkpoint(), {{"z", floats({0, 3}, 0)}});
  return {{"chunks", of_chunks(metadata, "z")},
          {"loaded", loaded(job, {{"z", floats({0, 3}, 0)}})}};
}

Json scalar(const Job& job) {
  const auto metadata = save_to(job.checkpoint(), {{"ss", floats({}, 2)}});
  return {{"chunks", of_chunks(metadata, "ss")},
          {"loaded", loaded(job, {{"ss", floats({}, 0)}})},
          {"[1]", load_of(job, {{"ss", floats({1}, 0)}}, {"ss"})}};
}

Json nothing(const Job& job) {
  const auto metadata = save_to(job.checkpoint(), {});
  return {{"entries", of_entries(metadata)}, {"loaded", loaded(job, {})}};
}

// Two pieces of a global tensor, and padding between them.
Json pieces_of_one_memory(const Job& job) {
  const auto with_pieces = [&](const TensorView& memory) {
    const std::int64_t first = 4 * job.rank;
    return ShardedTensor{DType::float32,
                         {8},
                         {{{{first}, {2}}, narrow(memory, {{0}, {2}})},
                          {{{first + 2}, {2}}, narrow(memory, {{4}, {2}})}}};
  };
  const auto metadata = save_to(
      job.checkpoint(), {{"t", with_pieces(arange({6}, static_cast<float>(10 * job.rank)))}});
  const auto memory = floats({6}, -1);
  StateDict state{{"t", with_pieces(memory)}};
  load_from(job.checkpoint(), state);
  return {{"chunks", of_chunks(metadata, "t")},
          {"whole", loaded(job, {{"t", floats({8}, 0)}})},
          {"memory", of_value(memory)}};
}

}  // namespace

std::vector<Scenario> content_scenarios() {
  return {{"C3.views", 1, views},
          {"C6.missing", 1, missing},
          {"C6.missing_on_one_rank", 2, missing_on_one_rank},
          {"C6.partial", 1, partial},
          {"C6.partial_of_a_rare_type", 1, partial_of_a_rare_type},
          {"C7.converts", 1, converts},
          {"C7.other_size", 1, other_size},
          {"C7.expanded_target", 1, expanded_target},
          {"C8.value_for_tensor", 1, value_for_tensor},
          {"C8.tensor_for_value", 1, tensor_for_value},
          {"C9.keys_that_are_numbers", 1, keys_that_are_numbers},
          {"C9.keys_of_type_int", 1, keys_of_type_int},
          {"C12.empty_tensor", 1, empty_tensor},
          {"C12.scalar", 1, scalar},
          {"C12.nothing", 1, nothing},
          {"C42.pieces_of_one_memory", 2, pieces_of_one_memory}};
}

}  // namespace h5dcp::conformance
