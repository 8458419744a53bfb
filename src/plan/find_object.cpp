// Looking up what a plan's index names.

#include <algorithm>
#include <variant>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "plan/held.hpp"

namespace h5dcp {
namespace {

bool is_tensor(const Value& value) {
  return std::holds_alternative<TensorView>(value) || std::holds_alternative<ShardedTensor>(value);
}

}  // namespace

TensorView find_tensor_shard(const Value& tensor, const MetadataIndex& index) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::invalid_argument, "look up '" + index.fqn + "': " + why);
  };
  if (!is_tensor(tensor)) refuse("it is no tensor");
  if (const auto* view = std::get_if<TensorView>(&tensor); view != nullptr && !index.offset) {
    return *view;
  }
  const TensorView* piece = find_piece(tensor, index);
  if (piece == nullptr) {
    refuse("the state dict has no piece " +
           (index.offset ? "at " + to_string(*index.offset) : std::string("without an offset")));
  }
  return *piece;
}

Value find_state_dict_object(StateDict& state_dict, const MetadataIndex& index) {
  const auto leaves = flatten_state_dict(state_dict);
  const auto leaf = std::ranges::find(leaves, index.fqn, &Leaf::fqn);
  if (leaf == leaves.end()) {
    throw Error(ErrorCode::not_found, "look up '" + index.fqn + "': not in the state dict");
  }
  if (is_tensor(*leaf->value) || index.offset) return find_tensor_shard(*leaf->value, index);
  return *leaf->value;
}

}  // namespace h5dcp
