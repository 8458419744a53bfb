// Who plans what: boxes, replicas, and plans that contradict each other.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <variant>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/device_mesh.hpp"
#include "scenarios/items.hpp"
#include "scenarios/outcome.hpp"

namespace h5dcp::conformance {
namespace {

std::vector<Box> boxes(const Json& json) {
  std::vector<Box> found;
  for (const auto& each : json) found.push_back(box(each));
  return found;
}

// For each case of boxes: [offset wanted, its position, offset in it, the same of what is saved,
// lengths].
Json read_items(const Job& job) {
  Json outcome = Json::array();
  for (const auto& each : job.cases.at("boxes")) {
    const TensorStorageMetadata metadata{
        {DType::float32}, extents(each.at("size")), boxes(each.at("saved"))};
    Json items = Json::array();
    for (const auto& item :
         create_read_items_for_chunk_list("t", metadata, boxes(each.at("wanted")))) {
      items.push_back({of_extents(*item.dest_index.offset), *item.dest_index.index,
                       of_extents(item.dest_offsets), of_extents(*item.storage_index.offset),
                       *item.storage_index.index, of_extents(item.storage_offsets),
                       of_extents(item.lengths)});
    }
    outcome.push_back(items);
  }
  return outcome;
}

// What is wanted has no elements and lies inside what is saved.
Json read_items_of_nothing(const Job& /*job*/) {
  const TensorStorageMetadata metadata{{DType::float32}, {4}, {Box{{0}, {4}}}};
  Json lengths = Json::array();
  for (const auto& item : create_read_items_for_chunk_list("t", metadata, {Box{{2}, {0}}})) {
    lengths.push_back(of_extents(item.lengths));
  }
  return lengths;
}

Json indices(const Job& /*job*/) {
  const MetadataIndex a{"x", Extents{1, 2}, 0};
  const MetadataIndex b{"x", Extents{1, 2}, 9};
  const std::hash<MetadataIndex> hash;
  return {{"other hint", {a == b, hash(a) == hash(b)}},
          {"other offset", a == MetadataIndex{"x", Extents{1, 3}, 0}},
          {"other name", a == MetadataIndex{"y", Extents{1, 2}, 0}},
          {"no offset", MetadataIndex{"x", std::nullopt, {}} == MetadataIndex{"x", Extents{0}, {}}},
          {"write",
           {{"tensor", static_cast<int>(WriteItemType::tensor)},
            {"shard", static_cast<int>(WriteItemType::shard)},
            {"byte_io", static_cast<int>(WriteItemType::byte_io)}}},
          {"load",
           {{"tensor", static_cast<int>(LoadItemType::tensor)},
            {"byte_io", static_cast<int>(LoadItemType::byte_io)}}}};
}

// For each case of plans, and both ways to choose: what each rank keeps.
Json dedup(const Job& job) {
  const auto kept = [](const Json& plans, bool lowest) {
    Json outcome = Json::array();
    for (const auto& plan : dedup_save_plans(save_plans(plans), lowest)) {
      Json items = Json::array();
      for (const auto& item : plan.items) {
        const auto& offset = item.index.offset;
        items.push_back({item.index.fqn, offset ? of_extents(*offset) : Json()});
      }
      outcome.push_back(items);
    }
    return outcome;
  };
  Json outcome = Json::array();
  for (const auto& each : job.cases.at("plans")) {
    outcome.push_back(Json::array({kept(each, false), kept(each, true)}));
  }
  return outcome;
}

StateDict replicated() {
  return {{"a", floats({1000}, 0)}, {"b", floats({10}, 0)}, {"k", 1}, {"c", floats({1500}, 0)}};
}

Json written_by(const Job& job) {
  DefaultSavePlanner by_load({.replicas = Replicas::least_loaded});
  save_to(job.checkpoint("1"), replicated(), &by_load);
  DefaultSavePlanner lowest({.replicas = Replicas::lowest_rank});
  save_to(job.checkpoint("2"), replicated(), &lowest);
  return {{"least loaded", of_writers(job.checkpoint("1"))},
          {"lowest rank", of_writers(job.checkpoint("2"))}};
}

Json written_by_default(const Job& job) {
  save_to(job.checkpoint(), replicated());
  return of_writers(job.checkpoint());
}

// A value that each rank has another of.
Json value_that_differs(const Job& job) {
  const auto survivor = [&](const std::string& suffix, StateDict saved, Replicas replicas) {
    StateDict state{{"vv", -1}};
    saved["vv"] = job.rank;
    DefaultSavePlanner planner({.replicas = replicas});
    const auto outcome = of_call(
        [&] {
          save_to(job.checkpoint(suffix), saved, &planner);
          load_from(job.checkpoint(suffix), state);
        },
        {"vv"});
    return Json::array({outcome, of_value(state.at("vv"))});
  };
  return Json::array({survivor("1", {}, Replicas::least_loaded),
                      survivor("2", {{"a", floats({10}, 0)}}, Replicas::least_loaded),
                      survivor("3", {{"a", floats({10}, 0)}}, Replicas::lowest_rank)});
}

// 0, 1, ... of which this rank holds a part.
ShardedTensor distributed(const Job& job, const Placement& placement, std::int64_t count) {
  const DeviceMesh mesh({job.size});
  const Box mine = local_box({count}, mesh, {placement}, job.rank);
  return distribute(narrow(arange({count}), mine), {count}, mesh, {placement}, job.rank);
}

const char* text_of(WriteItemType type) {
  if (type == WriteItemType::byte_io) return "byte_io";
  return type == WriteItemType::shard ? "shard" : "tensor";
}

Json local_items(const Job& job) {
  StateDict state{{"d", distributed(job, Shard{0}, 10)},
                  {"s", distributed(job, Shard{0}, 2)},
                  {"r", distributed(job, Replicate{}, 3)},
                  {"p", floats({5}, 0)},
                  {"k", 1}};
  Json items = Json::array();
  for (const auto& item : create_default_local_save_plan(state).items) {
    Json data;
    if (item.tensor_data) {
      const auto& [offsets, sizes] = item.tensor_data->chunk;
      data = {of_extents(offsets), of_extents(sizes), of_extents(item.tensor_data->size)};
    }
    const auto size = item.tensor_storage_size();
    items.push_back({item.index.fqn, text_of(item.type), data, size ? Json(*size) : Json()});
  }
  return items;
}

Json chunks(const Job& job) {
  const auto metadata = save_to(job.checkpoint(), {{"d", distributed(job, Shard{0}, 10)},
                                                   {"r", distributed(job, Replicate{}, 3)}});
  return {{"d", of_chunks(metadata, "d")}, {"r", of_chunks(metadata, "r")}};
}

Json chunks_of_few_rows(const Job& job) {
  return of_chunks(save_to(job.checkpoint(), {{"s", distributed(job, Shard{0}, 2)}}), "s");
}

// Saved by rows; loaded whole, replicated, and by columns.
Json reshard(const Job& job) {
  const Extents sizes{10, 6};
  const DeviceMesh mesh({job.size});
  const auto part_of = [&](const TensorView& full, const Placement& placement) {
    const auto part = narrow(full, local_box(sizes, mesh, {placement}, job.rank));
    return distribute(part, sizes, mesh, {placement}, job.rank);
  };
  save_to(job.checkpoint(), {{"w", part_of(arange(sizes), Shard{0})}});
  const auto local = [&](const Placement& placement) {
    const auto target = part_of(floats(sizes, 0), placement);
    StateDict state{{"w", target}};
    load_from(job.checkpoint(), state);
    return of_value(target.shards.at(0).view);
  };
  return {{"whole", loaded(job, {{"w", floats(sizes, 0)}})},
          {"replicated", local(Replicate{})},
          {"columns", local(Shard{1})}};
}

ShardedTensor placed(const Job& job, const Json& each, const char* key, const TensorView& full) {
  std::vector<Placement> placements;
  for (const auto& dim : each.at(key)) {
    placements.push_back(dim.is_null() ? Placement(Replicate{})
                                       : Placement(Shard{dim.get<std::size_t>()}));
  }
  const DeviceMesh mesh(extents(each.at("mesh")));
  const auto part = narrow(full, local_box(full.sizes, mesh, placements, job.rank));
  return distribute(part, full.sizes, mesh, placements, job.rank);
}

// For each case of placements: what this rank holds of the tensor before and after.
Json mesh_boxes(const Job& job) {
  const auto held = [&](const Json& each, const char* key) {
    StateDict state{{"w", placed(job, each, key, floats(extents(each.at("size")), 0))}};
    Json found = Json::array();
    for (const auto& item : create_default_local_save_plan(state).items) {
      const auto& [offsets, sizes] = item.tensor_data.value().chunk;
      found.push_back({of_extents(offsets), of_extents(sizes)});
    }
    return found;
  };
  Json outcome = Json::array();
  for (const auto& each : job.cases.at("placements")) {
    outcome.push_back(Json::array({held(each, "from"), held(each, "to")}));
  }
  return outcome;
}

// All tensors saved as they are before, and loaded as they are after.
Json mesh_reshard(const Job& job) {
  StateDict before;
  StateDict after;
  std::vector<TensorView> parts;
  for (const auto& each : job.cases.at("placements")) {
    const auto sizes = extents(each.at("size"));
    const auto name = std::to_string(parts.size());
    before[name] = placed(job, each, "from", arange(sizes));
    const auto target = placed(job, each, "to", floats(sizes, -1));
    parts.push_back(target.shards.at(0).view);
    after[name] = target;
  }
  save_to(job.checkpoint(), before);
  load_from(job.checkpoint(), after);
  Json outcome = Json::array();
  for (const auto& part : parts) outcome.push_back(of_value(part));
  return outcome;
}

// How a save ends in which one rank decides, as in DCP.
Json coordinated(const Job& job, const StateDict& state) {
  GlobalSavePlanner planner;
  return of_call([&] { save_to(job.checkpoint(), state, &planner); });
}

Json of_saved(const Job& job, const StateDict& state) {
  Json sizes = Json::array();
  GlobalSavePlanner planner;
  const auto outcome = of_call(
      [&] {
        const auto metadata = save_to(job.checkpoint(), state, &planner);
        const auto& tensor = std::get<TensorStorageMetadata>(metadata.state_dict_metadata.at("aa"));
        sizes.push_back({of_extents(tensor.size), to_string(tensor.properties.dtype)});
      },
      {"aa"});
  return Json::array({outcome, sizes});
}

StateDict state_of_other_dims(const Job& job) {
  return {{"aa", floats(job.rank == 1 ? Extents{3, 1} : Extents{3}, 0)}};
}

Json other_dims(const Job& job) {
  return coordinated(job, state_of_other_dims(job));
}

Json other_dims_to_owners(const Job& job) {
  return of_call([&] { save_to(job.checkpoint(), state_of_other_dims(job)); });
}

Json tensor_or_value(const Job& job) {
  return coordinated(job, job.rank == 1 ? StateDict{{"aa", 1}} : StateDict{{"aa", floats({3}, 0)}});
}

Json other_extents(const Job& job) {
  return of_saved(job, {{"aa", floats({3 + job.rank}, 0)}});
}

Json other_dtypes(const Job& job) {
  return of_saved(job, {{"aa", allocate(job.rank == 1 ? DType::float64 : DType::float32, {3})}});
}

Json other_keys(const Job& job) {
  const auto metadata =
      save_to(job.checkpoint(), {{"c", 1}, {"r" + std::to_string(job.rank), job.rank}});
  return Json::array({of_entries(metadata), loaded(job, {{"r0", -1}, {"r1", -1}, {"c", -1}})});
}

// Plans what it is told to: a piece of a tensor of five elements.
class Planned : public GlobalSavePlanner {
 public:
  explicit Planned(Box piece) : piece_(std::move(piece)) {}

  SavePlan create_local_plan() override { return {{shard_item("tt", piece_, {5})}, {}}; }

 private:
  Box piece_;
};

Json planned(const Job& job, std::int64_t offset, std::int64_t count) {
  Planned planner({{offset}, {count}});
  return of_call(
      [&] {
        save_to(job.checkpoint(), {{"tt", floats({count}, 0)}}, &planner);
      },
      {"tt"});
}

Json overlap(const Job& job) {
  return planned(job, 2 * job.rank, 3);
}

Json gap(const Job& job) {
  return planned(job, 3 * job.rank, 2);
}

Json out_of_bounds(const Job& job) {
  return planned(job, 3 * job.rank, 3);
}

Json gap_of_one_process(const Job& job) {
  return planned(job, 0, 2);
}

}  // namespace

std::vector<Scenario> plan_scenarios() {
  return {{"C13.read_items", 1, read_items},
          {"C13.read_items_of_nothing", 1, read_items_of_nothing},
          {"C14.indices", 1, indices},
          {"C18.dedup", 1, dedup},
          {"C18.written_by", 2, written_by},
          {"C18.written_by_default", 2, written_by_default},
          {"C18.value_that_differs", 2, value_that_differs},
          {"C19.local_items", 4, local_items},
          {"C19.chunks", 4, chunks},
          {"C19.chunks_of_few_rows", 4, chunks_of_few_rows},
          {"C19.reshard", 4, reshard},
          {"C19.mesh_boxes", 4, mesh_boxes},
          {"C19.mesh_reshard", 4, mesh_reshard},
          {"C21.other_dims", 2, other_dims},
          {"C21.other_dims_to_owners", 2, other_dims_to_owners},
          {"C21.tensor_or_value", 2, tensor_or_value},
          {"C21.other_extents", 2, other_extents},
          {"C21.other_dtypes", 2, other_dtypes},
          {"C21.other_keys", 2, other_keys},
          {"C22.overlap", 2, overlap},
          {"C22.gap", 2, gap},
          {"C22.out_of_bounds", 2, out_of_bounds},
          {"C22.gap_of_one_process", 1, gap_of_one_process}};
}

}  // namespace h5dcp::conformance
