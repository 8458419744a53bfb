#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "base/checksum.hpp"
#include "base/context.hpp"
#include "base/whole_box.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/value_codec.hpp"
#include "plan/held.hpp"
#include "plan/leaves.hpp"
#include "plan/merge.hpp"
#include "plan/misfits.hpp"
#include "plan/no_piece.hpp"
#include "plan/proposals.hpp"
#include "plan/sample.hpp"
#include "state/transformed_value.hpp"

namespace h5dcp {
namespace {

std::string saving(const std::string& fqn) {
  return "save '" + fqn + "'";
}

WriteItem tensor_item(const Leaf& leaf, const TensorView& tensor) {
  check_held([&leaf] { return saving(leaf.fqn); }, tensor);
  const Box box = whole_box(tensor.sizes);
  return {{leaf.fqn, box.offsets, std::nullopt},
          WriteItemType::tensor,
          std::nullopt,
          TensorWriteData{box, {tensor.dtype}, tensor.sizes},
          leaf.path,
          {}};
}

WriteItem shard_item(const Leaf& leaf, const ShardedTensor& tensor, std::size_t shard) {
  const Box& box = tensor.shards[shard].box;
  return {{leaf.fqn, box.offsets, shard},
          WriteItemType::shard,
          std::nullopt,
          TensorWriteData{box, {tensor.dtype}, tensor.sizes},
          leaf.path,
          {}};
}

// By this item the owner of the name knows the tensor, even if no rank has a piece of it.
WriteItem no_piece_item(const Leaf& leaf, const ShardedTensor& tensor) {
  const Box box = no_piece(tensor.sizes);
  return {{leaf.fqn, box.offsets, std::nullopt},
          WriteItemType::shard,
          std::nullopt,
          TensorWriteData{box, {tensor.dtype}, tensor.sizes},
          leaf.path,
          {}};
}

// Whether no_piece_item has made the item: those of shards have a hint.
bool has_no_piece(const WriteItem& item) {
  return item.type == WriteItemType::shard && !item.index.index && item.tensor_data &&
         numel(item.tensor_data->chunk.sizes) == 0;
}

// Drops what no_piece_item has made, but for names of which no rank has a piece.
void drop_needless(std::vector<SavePlan>& plans) {
  std::unordered_set<std::string> held;
  for (const auto& plan : plans) {
    for (const auto& item : plan.items) {
      if (!has_no_piece(item)) held.insert(item.index.fqn);
    }
  }
  for (auto& plan : plans) {
    std::erase_if(plan.items, [&](const WriteItem& item) {
      return has_no_piece(item) && held.contains(item.index.fqn);
    });
  }
}

// Without the length and the digest, which those who transform the value decide.
WriteItem value_item(const Leaf& leaf, const StreamTransforms& transforms) {
  const auto value = with_context(saving(leaf.fqn), [&] { return encode_value(*leaf.value); });
  return {{leaf.fqn, std::nullopt, std::nullopt},
          WriteItemType::byte_io,
          BytesWriteData{stored_kind(value.kind, transforms), value.dtype, value.size, 0, 0},
          std::nullopt,
          leaf.path,
          {}};
}

// Whether the index of an item is as create_local_plan has made it: with the place of the piece
// among the shards of `value` as its hint. In a global plan that is its place among the chunks of
// all ranks.
bool is_local(const WriteItem& item, const Value& value) {
  const auto* tensor = std::get_if<ShardedTensor>(&value);
  if (tensor == nullptr || !item.tensor_data) return true;
  const auto& hint = item.index.index;
  return hint && *hint < tensor->shards.size() &&
         tensor->shards[*hint].box == item.tensor_data->chunk;
}

// The index as create_local_plan has made it.
MetadataIndex local_index(const WriteItem& item, const Value& value) {
  MetadataIndex index = item.index;
  const auto& shards = std::get<ShardedTensor>(value).shards;
  const auto shard = std::ranges::find(shards, item.tensor_data->chunk, &LocalShard::box);
  if (shard != shards.end()) index.index = static_cast<std::size_t>(shard - shards.begin());
  return index;
}

std::uint64_t digest_of(const TensorView& view) {
  const auto size = static_cast<std::size_t>(nbytes(view.dtype, view.sizes));
  if (is_contiguous(view)) return xxh3(view.data, size);
  const auto packed = allocate(view.dtype, view.sizes);
  copy_elements(view, packed);
  return xxh3(packed.data, size);
}

}  // namespace

void GlobalSavePlanner::set_up_planner(StateDict& state_dict, const StorageMeta& /*storage_meta*/,
                                       bool /*is_coordinator*/) {
  leaves_ =
      Leaves(options_.flatten_state_dict ? flatten_state_dict(state_dict) : top_leaves(state_dict));
}

SavePlan GlobalSavePlanner::create_local_plan() {
  SavePlan plan;
  plan.items.reserve(leaves_.size());
  Misfits misfits;
  for (const auto& leaf : leaves_) {
    misfits.attempt([&] { propose(leaf, plan); });
  }
  misfits.rethrow("save", "keys of the state dict cannot be saved");
  if (options_.replicas != Replicas::lowest_rank) add_digests(plan);
  return plan;
}

void GlobalSavePlanner::propose(const Leaf& leaf, SavePlan& plan) {
  if (const auto* view = std::get_if<TensorView>(leaf.value)) {
    plan.items.push_back(tensor_item(leaf, *view));
  } else if (const auto* tensor = std::get_if<ShardedTensor>(leaf.value)) {
    check_held([&leaf] { return saving(leaf.fqn); }, *tensor);
    for (std::size_t i = 0; i < tensor->shards.size(); ++i) {
      plan.items.push_back(shard_item(leaf, *tensor, i));
    }
    if (tensor->shards.empty()) plan.items.push_back(no_piece_item(leaf, *tensor));
  } else {
    plan.items.push_back(value_item(leaf, options_.stream_transforms));
    auto& item = plan.items.back();
    const auto data = transform_object(item, lookup_object(item.index));
    const auto& bytes = std::get<Bytes>(data);
    item.bytes_io_data->nbytes = bytes.size();
    item.bytes_io_data->digest = xxh3(bytes.data(), bytes.size());
  }
}

void GlobalSavePlanner::add_digests(SavePlan& plan) {
  for (auto& item : plan.items) {
    if (!item.tensor_data || numel(item.tensor_data->chunk.sizes) == 0) continue;
    if (options_.replicas == Replicas::compare) {
      const auto data = transform_object(item, lookup_object(item.index));
      item.tensor_data->digest = digest_of(std::get<TensorView>(data));
    } else {
      // Of what the state dict holds: to transform all of a tensor for a sample would cost more
      // than the sample may.
      const auto* piece =
          find_piece(*leaf_named("save", item.index.fqn, leaves_).value, item.index);
      item.tensor_data->digest = sample_digest(*piece);
    }
  }
}

GlobalSavePlan GlobalSavePlanner::create_global_plan(std::vector<SavePlan> plans) {
  // What differs between ranks must be found before all but one of them are dropped.
  Misfits misfits;
  for (const auto& named : proposals_of(plans)) {
    misfits.attempt([&] { merge(named.second, options_.replicas); });
  }
  misfits.rethrow("save", "keys do not fit together");
  drop_needless(plans);
  return create_default_global_save_plan(
      dedup_save_plans(std::move(plans), options_.replicas == Replicas::lowest_rank));
}

std::variant<TensorView, Bytes> GlobalSavePlanner::resolve_data(const WriteItem& item) {
  const auto* leaf = leaves_.find(item.index.fqn);
  if (leaf == nullptr || is_local(item, *leaf->value)) {
    return transform_object(item, lookup_object(item.index));
  }
  return transform_object(item, lookup_object(local_index(item, *leaf->value)));
}

Value GlobalSavePlanner::lookup_object(const MetadataIndex& index) {
  const Value& value = *leaf_named("save", index.fqn, leaves_).value;
  const auto* tensor = std::get_if<ShardedTensor>(&value);
  if (tensor != nullptr && tensor->shards.empty()) {
    const Box box = no_piece(tensor->sizes);
    if (index.offset == box.offsets) return contiguous_view(nullptr, tensor->dtype, box.sizes);
  }
  return index.offset ? Value(find_tensor_shard(value, index)) : value;
}

std::variant<TensorView, Bytes> GlobalSavePlanner::transform_object(const WriteItem& item,
                                                                    Value object) {
  if (const auto* view = std::get_if<TensorView>(&object)) return *view;
  return with_context(saving(item.index.fqn),
                      [&] { return encode_value(object, options_.stream_transforms); })
      .bytes;
}

GlobalSavePlan DefaultSavePlanner::create_global_plan(std::vector<SavePlan> plans) {
  return GlobalSavePlanner::create_global_plan(std::move(plans));
}

std::vector<PlannedWrite> DefaultSavePlanner::plan_writes(const Proposals& proposals) const {
  return merge(proposals, options().replicas);
}

std::optional<std::string> DefaultSavePlanner::plans_by() const {
  return "replicas " + std::to_string(static_cast<int>(options().replicas)) + ", flatten " +
         std::to_string(options().flatten_state_dict ? 1 : 0);
}

SavePlan create_default_local_save_plan(StateDict& state_dict) {
  DefaultSavePlanner planner;
  planner.set_up_planner(state_dict, {}, false);
  return planner.create_local_plan();
}

}  // namespace h5dcp
