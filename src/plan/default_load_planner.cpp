#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/whole_box.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "plan/held.hpp"
#include "plan/leaves.hpp"
#include "plan/nearest_name.hpp"

namespace h5dcp {
namespace {

constexpr std::size_t kNamedKeys = 8;    // of those missing
constexpr std::size_t kGuessedKeys = 3;  // of those named

std::string loading(const std::string& fqn) {
  return "load '" + fqn + "'";
}

// Of these only flattening makes leaves; a checkpoint that lacks one has nothing to put into it.
bool is_empty_container(const Value& value) {
  const auto* map = std::get_if<Map>(&value);
  const auto* list = std::get_if<List>(&value);
  return (map != nullptr && map->empty()) || (list != nullptr && list->empty());
}

Error missing_keys(const std::vector<std::string>& missing, const Metadata& metadata) {
  std::vector<std::string_view> names;
  for (const auto& [fqn, entry] : metadata.state_dict_metadata) names.emplace_back(fqn);

  std::string text =
      "load: " + std::to_string(missing.size()) +
      (missing.size() == 1 ? " key of the state dict is" : " keys of the state dict are") +
      " not in the checkpoint: ";
  const auto named = std::min(missing.size(), kNamedKeys);
  for (std::size_t i = 0; i < named; ++i) {
    text += (i > 0 ? ", '" : "'") + missing[i] + "'";
    const auto guess = i < kGuessedKeys ? nearest_name(missing[i], names) : std::string_view();
    if (!guess.empty()) text += " (nearest: '" + std::string(guess) + "')";
  }
  if (named < missing.size()) text += " and " + std::to_string(missing.size() - named) + " more";
  return {ErrorCode::not_found, text + " (allow_partial_load skips them)"};
}

std::string tensor_text(const Extents& sizes, DType dtype) {
  return to_string(sizes) + " " + std::string(to_string(dtype));
}

void check_fits(const std::string& fqn, const TensorStorageMetadata& stored, const Extents& sizes,
                DType dtype) {
  if (sizes != stored.size) {
    throw Error(ErrorCode::invalid_argument, loading(fqn) + ": the checkpoint holds " +
                                                 tensor_text(stored.size, stored.properties.dtype) +
                                                 ", the state dict wants " +
                                                 tensor_text(sizes, dtype));
  }
  if (!can_convert(stored.properties.dtype, dtype)) {
    throw Error(ErrorCode::unsupported, loading(fqn) + ": the checkpoint holds " +
                                            std::string(to_string(stored.properties.dtype)) +
                                            ", which does not convert to the state dict's " +
                                            std::string(to_string(dtype)));
  }
}

void check_writable(const std::string& fqn, const TensorView& view) {
  if (view.read_only) {
    throw Error(ErrorCode::invalid_argument,
                loading(fqn) + ": the memory of the state dict's tensor is read-only");
  }
  for (std::size_t d = 0; d < view.sizes.size(); ++d) {
    if (view.sizes[d] > 1 && view.strides[d] == 0) {
      throw Error(ErrorCode::invalid_argument,
                  loading(fqn) + ": the state dict's tensor of " + to_string(view.sizes) +
                      " is expanded (strides " + to_string(view.strides) +
                      "): its elements are not memory of their own");
    }
  }
}

// Where a leaf wants the tensor, checked.
std::vector<Box> wanted_boxes(const Leaf& leaf, const TensorStorageMetadata& stored) {
  if (const auto* view = std::get_if<TensorView>(leaf.value)) {
    check_held(loading(leaf.fqn), *view);
    check_fits(leaf.fqn, stored, view->sizes, view->dtype);
    check_writable(leaf.fqn, *view);
    return {whole_box(view->sizes)};
  }
  const auto* tensor = std::get_if<ShardedTensor>(leaf.value);
  if (tensor == nullptr) {
    throw Error(ErrorCode::invalid_argument, loading(leaf.fqn) +
                                                 ": the checkpoint holds a tensor, " +
                                                 tensor_text(stored.size, stored.properties.dtype) +
                                                 ", the state dict a plain value");
  }
  check_held(loading(leaf.fqn), *tensor);
  check_fits(leaf.fqn, stored, tensor->sizes, tensor->dtype);
  std::vector<Box> boxes;
  for (const auto& shard : tensor->shards) {
    check_writable(leaf.fqn, shard.view);
    boxes.push_back(shard.box);
  }
  return boxes;
}

ReadItem value_item(const std::string& fqn) {
  const MetadataIndex index{fqn, std::nullopt, std::nullopt};
  return {LoadItemType::byte_io, index, {0}, index, {0}, {0}};  // the zeros are DCP's
}

// Throws Error{invalid_argument} if the planner did not plan an item of that name.
Leaf& leaf_named(const std::string& fqn, std::vector<Leaf>& leaves,
                 const std::unordered_map<std::string, std::size_t>& places) {
  const auto place = places.find(fqn);
  if (place == places.end()) {
    throw Error(ErrorCode::invalid_argument, loading(fqn) + ": not in the state dict");
  }
  return leaves[place->second];
}

}  // namespace

void DefaultLoadPlanner::set_up_planner(StateDict& state_dict, const Metadata& metadata,
                                        bool /*is_coordinator*/) {
  metadata_ = &metadata;
  leaves_ = flatten_state_dict(state_dict);
  places_ = places_of(leaves_);
}

LoadPlan DefaultLoadPlanner::create_local_plan() {
  LoadPlan plan;
  std::vector<std::string> missing;
  for (const auto& leaf : leaves_) {
    const auto entry = metadata_->state_dict_metadata.find(leaf.fqn);
    if (entry == metadata_->state_dict_metadata.end()) {
      if (!is_empty_container(*leaf.value)) missing.push_back(leaf.fqn);
    } else if (const auto* tensor = std::get_if<TensorStorageMetadata>(&entry->second)) {
      auto items = create_read_items_for_chunk_list(leaf.fqn, *tensor, wanted_boxes(leaf, *tensor));
      std::ranges::move(items, std::back_inserter(plan.items));
    } else {
      plan.items.push_back(value_item(leaf.fqn));
    }
  }
  if (!missing.empty() && !options_.allow_partial_load) throw missing_keys(missing, *metadata_);
  return plan;
}

TensorView DefaultLoadPlanner::resolve_tensor(const ReadItem& item) {
  const Leaf& leaf = leaf_named(item.dest_index.fqn, leaves_, places_);
  const TensorView* piece = find_piece(*leaf.value, item.dest_index);
  if (piece == nullptr) {
    throw Error(ErrorCode::invalid_argument,
                loading(leaf.fqn) + ": the state dict has no such piece any more");
  }
  return narrow(*piece, {item.dest_offsets, item.lengths});
}

void DefaultLoadPlanner::load_bytes(const ReadItem& item, Value value) {
  *leaf_named(item.dest_index.fqn, leaves_, places_).value = std::move(value);
}

}  // namespace h5dcp
