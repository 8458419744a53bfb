#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/context.hpp"
#include "base/whole_box.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "plan/bounds.hpp"
#include "plan/coverage.hpp"
#include "plan/entry_walk.hpp"
#include "plan/held.hpp"
#include "plan/leaves.hpp"
#include "plan/misfits.hpp"
#include "plan/nearest_name.hpp"
#include "state/transformed_value.hpp"

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

// "'a' (nearest: 'b'), 'c' and 3 more"
std::string listing(const std::vector<std::string>& keys,
                    std::span<const std::string_view> nearest_of) {
  std::string text;
  const auto named = std::min(keys.size(), kNamedKeys);
  for (std::size_t i = 0; i < named; ++i) {
    text += (i > 0 ? ", '" : "'") + keys[i] + "'";
    const auto guess = i < kGuessedKeys ? nearest_name(keys[i], nearest_of) : std::string_view();
    if (!guess.empty()) text += " (nearest: '" + std::string(guess) + "')";
  }
  if (named < keys.size()) text += " and " + std::to_string(keys.size() - named) + " more";
  return text;
}

Error missing_error(const std::vector<std::string>& missing,
                    const std::vector<std::string>& unexpected, const Metadata& metadata) {
  std::string text =
      "load: " + std::to_string(missing.size()) +
      (missing.size() == 1 ? " key of the state dict is" : " keys of the state dict are") +
      " not in the checkpoint: " + listing(missing, names_of(metadata));
  if (!unexpected.empty()) {
    text += "; " + std::to_string(unexpected.size()) + " of the checkpoint " +
            (unexpected.size() == 1 ? "is" : "are") +
            " not in the state dict: " + listing(unexpected, {});
  }
  return {ErrorCode::not_found, text + " (allow_partial_load skips what is missing)"};
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
    check_held([&leaf] { return loading(leaf.fqn); }, *view);
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
  check_held([&leaf] { return loading(leaf.fqn); }, *tensor);
  check_fits(leaf.fqn, stored, tensor->sizes, tensor->dtype);
  std::vector<Box> boxes;
  for (const auto& shard : tensor->shards) {
    check_writable(leaf.fqn, shard.view);
    boxes.push_back(shard.box);
  }
  return boxes;
}

// The reads that fill a leaf. Throws if the leaf and the stored tensor do not fit.
std::vector<ReadItem> tensor_items(const Leaf& leaf, const TensorStorageMetadata& stored) {
  const auto wanted = wanted_boxes(leaf, stored);
  auto items = create_read_items_for_chunk_list(leaf.fqn, stored, wanted);
  check_coverage(leaf.fqn, wanted, items);
  return items;
}

ReadItem value_item(const std::string& fqn) {
  const MetadataIndex index{fqn, std::nullopt, std::nullopt};
  return {LoadItemType::byte_io, index, {0}, index, {0}, {0}};  // the zeros are DCP's
}

bool is_transformed(const Metadata& metadata, const std::string& fqn) {
  const auto entry = metadata.state_dict_metadata.find(fqn);
  if (entry == metadata.state_dict_metadata.end()) return false;
  const auto* value = std::get_if<BytesStorageMetadata>(&entry->second);
  return value != nullptr && value->kind == EntryKind::transformed;
}

// Names of the checkpoint that no leaf has.
std::vector<std::string> names_without_leaf(const Metadata& metadata, const Leaves& leaves) {
  std::vector<std::string> unexpected;
  for (const auto& [fqn, entry] : metadata.state_dict_metadata) {
    if (leaves.find(fqn) == nullptr) unexpected.push_back(fqn);
  }
  return unexpected;
}

}  // namespace

void GlobalLoadPlanner::set_up_planner(StateDict& state_dict, const Metadata& metadata,
                                       bool /*is_coordinator*/) {
  set_leaves(options_.flatten_state_dict ? flatten_state_dict(state_dict) : top_leaves(state_dict),
             metadata);
}

void GlobalLoadPlanner::set_leaves(std::vector<Leaf> leaves, const Metadata& metadata) {
  metadata_ = &metadata;
  leaves_ = Leaves(std::move(leaves));
}

LoadPlan GlobalLoadPlanner::create_local_plan() {
  LoadPlan plan;
  plan.items.reserve(leaves_.size());
  missing_.clear();
  unexpected_.clear();
  EntryWalk entries(*metadata_);
  std::size_t found = 0;
  Misfits misfits;
  for (const auto& leaf : leaves_) {
    const auto* entry = entries.find(leaf.fqn);
    if (entry == nullptr) {
      if (!is_empty_container(*leaf.value)) missing_.push_back(leaf.fqn);
      continue;
    }
    ++found;
    if (const auto* tensor = std::get_if<TensorStorageMetadata>(entry)) {
      misfits.attempt(
          [&] { std::ranges::move(tensor_items(leaf, *tensor), std::back_inserter(plan.items)); });
    } else {
      plan.items.push_back(value_item(leaf.fqn));
    }
  }
  misfits.rethrow("load", "keys of the state dict do not fit the checkpoint");
  if (found < metadata_->state_dict_metadata.size()) {
    unexpected_ = names_without_leaf(*metadata_, leaves_);
  }
  if (!missing_.empty() && !options_.allow_partial_load) {
    throw missing_error(missing_, unexpected_, *metadata_);
  }
  return plan;
}

std::optional<TensorView> GlobalLoadPlanner::destination(const ReadItem& item) {
  const Leaf* leaf = leaves_.find(item.dest_index.fqn);
  const auto* piece = leaf == nullptr ? nullptr : find_piece(*leaf->value, item.dest_index);
  const Box box{item.dest_offsets, item.lengths};
  if (piece == nullptr || !is_inside(box, piece->sizes)) return std::nullopt;
  return narrow(*piece, box);
}

TensorView GlobalLoadPlanner::resolve_tensor(const ReadItem& item) {
  return transform_tensor(item, lookup_tensor(item.dest_index));
}

TensorView GlobalLoadPlanner::lookup_tensor(const MetadataIndex& index) {
  const Leaf& leaf = leaf_named("load", index.fqn, leaves_);
  return with_context("load", [&] { return find_tensor_shard(*leaf.value, index); });
}

TensorView GlobalLoadPlanner::transform_tensor(const ReadItem& item, const TensorView& tensor) {
  return narrow(tensor, {item.dest_offsets, item.lengths});
}

void GlobalLoadPlanner::load_bytes(const ReadItem& item, Value value) {
  const Leaf& leaf = leaf_named("load", item.dest_index.fqn, leaves_);
  if (is_transformed(*metadata_, item.storage_index.fqn)) {
    value = with_context(loading(item.dest_index.fqn), [&] {
      return restore_value(std::get<Bytes>(value), options_.extensions);
    });
  }
  *leaf.value = std::move(value);
}

LoadPlan create_default_local_load_plan(StateDict& state_dict, const Metadata& metadata,
                                        bool strict) {
  DefaultLoadPlanner planner({.allow_partial_load = !strict});
  planner.set_up_planner(state_dict, metadata, false);
  return planner.create_local_plan();
}

std::vector<LoadPlan> create_default_global_load_plan(std::vector<LoadPlan> plans) {
  return plans;
}

}  // namespace h5dcp
