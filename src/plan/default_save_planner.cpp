#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/checksum.hpp"
#include "base/context.hpp"
#include "base/whole_box.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "plan/held.hpp"
#include "plan/leaves.hpp"
#include "plan/merge.hpp"
#include "state/value_codec.hpp"

namespace h5dcp {
namespace {

std::string saving(const std::string& fqn) {
  return "save '" + fqn + "'";
}

EncodedValue encode(const Leaf& leaf) {
  return with_context(saving(leaf.fqn), [&] { return encode_value(*leaf.value); });
}

WriteItem tensor_item(const Leaf& leaf, const TensorView& tensor) {
  check_held(saving(leaf.fqn), tensor);
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

WriteItem value_item(const Leaf& leaf) {
  const EncodedValue value = encode(leaf);
  return {{leaf.fqn, std::nullopt, std::nullopt},
          WriteItemType::byte_io,
          BytesWriteData{value.kind, value.dtype, value.size, value.bytes.size(),
                         xxh3(value.bytes.data(), value.bytes.size())},
          std::nullopt,
          leaf.path,
          {}};
}

}  // namespace

void DefaultSavePlanner::set_up_planner(StateDict& state_dict, const StorageMeta& /*storage_meta*/,
                                        bool /*is_coordinator*/) {
  leaves_ = flatten_state_dict(state_dict);
  places_ = places_of(leaves_);
}

SavePlan DefaultSavePlanner::create_local_plan() {
  SavePlan plan;
  for (const auto& leaf : leaves_) {
    if (const auto* view = std::get_if<TensorView>(leaf.value)) {
      plan.items.push_back(tensor_item(leaf, *view));
    } else if (const auto* tensor = std::get_if<ShardedTensor>(leaf.value)) {
      check_held(saving(leaf.fqn), *tensor);
      for (std::size_t i = 0; i < tensor->shards.size(); ++i) {
        plan.items.push_back(shard_item(leaf, *tensor, i));
      }
    } else {
      plan.items.push_back(value_item(leaf));
    }
  }
  return plan;
}

std::vector<PlannedWrite> DefaultSavePlanner::plan_writes(const Proposals& proposals) const {
  return merge(proposals, options_.replicas);
}

std::variant<TensorView, Bytes> DefaultSavePlanner::resolve_data(const WriteItem& item) {
  const auto place = places_.find(item.index.fqn);
  if (place == places_.end()) {
    throw Error(ErrorCode::invalid_argument, saving(item.index.fqn) + ": not in the state dict");
  }
  const Leaf& leaf = leaves_[place->second];
  if (item.type == WriteItemType::byte_io) return encode(leaf).bytes;
  const TensorView* piece = find_piece(*leaf.value, item.index);
  if (piece == nullptr) {
    throw Error(ErrorCode::invalid_argument,
                saving(leaf.fqn) + ": the state dict has no such piece any more");
  }
  return *piece;
}

}  // namespace h5dcp
