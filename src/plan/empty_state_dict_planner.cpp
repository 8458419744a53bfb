#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "plan/nearest_name.hpp"

namespace h5dcp {
namespace {

// Whether `key` asks for the entry: by its name, or by the beginning of its path.
bool asks_for(std::string_view key, std::string_view fqn) {
  return fqn.starts_with(key) && (fqn.size() == key.size() || fqn[key.size()] == '.');
}

Path path_of(const Metadata& metadata, const std::string& fqn) {
  const auto path = metadata.planner_data.find(fqn);
  return path == metadata.planner_data.end() ? Path{fqn} : path->second;
}

void check_found(const std::vector<std::string>& keys, const Metadata& metadata) {
  const auto names = names_of(metadata);
  for (const auto& key : keys) {
    if (std::ranges::any_of(names, [&](auto name) { return asks_for(key, name); })) continue;
    const auto guess = nearest_name(key, names);
    throw Error(ErrorCode::not_found,
                "load '" + key + "': the checkpoint has nothing of that name" +
                    (guess.empty() ? "" : " (nearest: '" + std::string(guess) + "')"));
  }
}

}  // namespace

void EmptyStateDictLoadPlanner::set_up_planner(StateDict& state_dict, const Metadata& metadata,
                                               bool /*is_coordinator*/) {
  if (!state_dict.empty()) {
    throw Error(ErrorCode::invalid_argument, "load into an empty state dict: it has " +
                                                 std::to_string(state_dict.size()) +
                                                 (state_dict.size() == 1 ? " key" : " keys"));
  }
  if (keys_ && !allow_partial_load_) check_found(*keys_, metadata);

  std::vector<Leaf> leaves;
  for (const auto& [fqn, entry] : metadata.state_dict_metadata) {
    if (keys_ && std::ranges::none_of(
                     *keys_, [&name = fqn](const auto& key) { return asks_for(key, name); })) {
      continue;
    }
    auto path = path_of(metadata, fqn);
    const auto* tensor = std::get_if<TensorStorageMetadata>(&entry);
    set_element(state_dict, path,
                tensor == nullptr ? Value() : allocate(tensor->properties.dtype, tensor->size));
    leaves.push_back({fqn, std::move(path), nullptr});
  }
  // Only now, as a list that grows moves its elements.
  for (auto& leaf : leaves) leaf.value = get_element(state_dict, leaf.path);
  set_leaves(std::move(leaves), metadata);
}

}  // namespace h5dcp
