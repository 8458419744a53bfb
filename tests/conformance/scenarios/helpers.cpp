// The functions of which planners are made, one by one.

#include <cstddef>
#include <utility>
#include <variant>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/flatten.hpp"
#include "scenarios/items.hpp"
#include "scenarios/outcome.hpp"

namespace h5dcp::conformance {
namespace {

StateDict nested() {
  return {{"b", Map{{"y", 1}, {"x", floats({1}, 1)}}},
          {"a", List{2, Map{{"z", 3}}}},
          {"l", List{4, 5}},
          {"c", Map{{"d", Map{{"e", "f"}}}}}};
}

Json visited(const Job& /*job*/) {
  Json found = Json::array();
  StateDict state = nested();
  traverse_state_dict(state, [&](const Path& path, const Value& value) {
    found.push_back(Json::array({of_path(path), of_value(value)}));
  });
  return found;
}

Json flat_and_back(const Job& /*job*/) {
  StateDict state = nested();
  const auto leaves = flatten_state_dict(state);
  Json names = Json::array();
  for (const auto& leaf : leaves) names.push_back(leaf.fqn);
  return Json::array({names, of_value(unflatten_state_dict(leaves))});
}

Json elements(const Job& /*job*/) {
  StateDict state{{"n", Map{{"k", 1}}}};
  set_element(state, {"n", "l", 2}, 5);
  set_element(state, {"n", "l", 0, "m"}, 6);
  set_element(state, {"new"}, 7);
  set_element(state, {"n", "k"}, 8);
  const auto element = [&](const Path& path) {
    const auto* value = get_element(state, path);
    return value == nullptr ? Json() : of_value(*value);
  };
  return Json::array({of_value(state), element({"n", "l", 2}), element({"n", "l", 9}),
                      element({"n", "nope"}), element({"new", "x"})});
}

Json lookups(const Job& /*job*/) {
  const auto memory = arange({6});
  const ShardedTensor pieces{
      DType::float32,
      {8},
      {{{{0}, {2}}, narrow(memory, {{0}, {2}})}, {{{4}, {3}}, narrow(memory, {{3}, {3}})}}};
  StateDict state{{"tt", arange({3})}, {"vv", 7}, {"pp", pieces}};
  const auto found = [&](const MetadataIndex& index) {
    Json got;
    const auto how =
        of_call([&] { got = of_value(find_state_dict_object(state, index)); }, {index.fqn});
    return how == "done" ? got : how;
  };
  const auto anywhere = std::nullopt;
  return {{"value", found({"vv", anywhere, {}})},
          {"tensor", found({"tt", anywhere, {}})},
          {"value at an offset", found({"vv", Extents{0}, {}})},
          {"no such name", found({"xx", anywhere, {}})},
          {"tensor at its origin", found({"tt", Extents{0}, {}})},
          {"tensor elsewhere", found({"tt", Extents{1}, {}})},
          {"a piece", found({"pp", Extents{4}, {}})},
          {"a piece by a wrong hint", found({"pp", Extents{4}, 0})},
          {"no such piece", found({"pp", Extents{2}, {}})},
          {"one of several pieces", found({"pp", anywhere, {}})}};
}

// Of plans that are complete: hints are rewritten, and chunks listed, in the order of ranks.
Json global_plans(const Job& job) {
  const auto made = [](const Json& plans) {
    const auto global = create_default_global_save_plan(dedup_save_plans(save_plans(plans)));
    Json ranks = Json::array();
    for (const auto& plan : global.plans) {
      Json items = Json::array();
      for (const auto& item : plan.items) {
        const auto& hint = item.index.index;
        items.push_back(Json::array({item.index.fqn, hint ? Json(*hint) : Json()}));
      }
      ranks.push_back(items);
    }
    Json chunks = Json::object();
    for (const auto& [name, entry] : global.metadata.state_dict_metadata) {
      if (std::holds_alternative<TensorStorageMetadata>(entry)) {
        chunks[name] = of_chunks(global.metadata, name);
      }
    }
    return Json::array({ranks, chunks});
  };
  const auto& cases = job.cases.at("plans");
  return Json::array({made(cases.at(0)), made(cases.at(1))});
}

Json local_load_plan(const Job& /*job*/) {
  Metadata metadata;
  metadata.state_dict_metadata["k"] = BytesStorageMetadata{EntryKind::scalar};
  metadata.state_dict_metadata["w"] =
      TensorStorageMetadata{{DType::float32}, {4, 2}, {Box{{0, 0}, {2, 2}}, Box{{2, 0}, {2, 2}}}};
  const auto items = [&](StateDict state, bool strict) {
    Json plan = Json::array();
    const auto how = of_call(
        [&] {
          for (const auto& item : create_default_local_load_plan(state, metadata, strict).items) {
            const auto& hint = item.storage_index.index;
            plan.push_back(Json::array(
                {item.type == LoadItemType::tensor ? "tensor" : "byte_io", item.dest_index.fqn,
                 of_extents(item.dest_offsets), hint ? Json(*hint) : Json(),
                 of_extents(item.storage_offsets), of_extents(item.lengths)}));
          }
        },
        {"zz"});
    return Json::array({how, plan});
  };
  return {{"complete", items({{"w", floats({4, 2}, 0)}, {"k", 0}}, true)},
          {"incomplete", items({{"w", floats({4, 2}, 0)}, {"k", 0}, {"zz", 1}}, false)}};
}

Json strict_local_load_plan(const Job& /*job*/) {
  StateDict state{{"zz", 1}};
  return of_call([&] { create_default_local_load_plan(state, {}, true); }, {"zz"});
}

}  // namespace

std::vector<Scenario> helper_scenarios() {
  return {{"C46.visited", 1, visited},
          {"C46.flat_and_back", 1, flat_and_back},
          {"C46.elements", 1, elements},
          {"C46.lookups", 1, lookups},
          {"C46.global_plans", 1, global_plans},
          {"C46.local_load_plan", 1, local_load_plan},
          {"C46.strict_local_load_plan", 1, strict_local_load_plan}};
}

}  // namespace h5dcp::conformance
