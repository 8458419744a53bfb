#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "plan/nearest_name.hpp"

namespace h5dcp {
namespace {

Path path_of(const Metadata& metadata, const std::string& fqn) {
  const auto path = metadata.planner_data.find(fqn);
  return path == metadata.planner_data.end() ? Path{fqn} : path->second;
}

// Whether `key` asks for the entry: by its name, or by the beginning of its path. Of
// {"a.b": {"c": 1}} that is "a.b" or "a.b.c", not "a".
bool asks_for(const std::string& key, const std::string& fqn, const Path& path) {
  if (key == fqn) return true;
  Path beginning;
  for (const auto& item : path) {
    beginning.push_back(item);
    const auto name = to_fqn(beginning);
    if (name.size() >= key.size()) return name == key;  // the next ones are longer
  }
  return false;
}

// Whether a value of this entry may be put in place of `value`: only a container is more than was
// put there for it.
bool is_leaf(const Value* value) {
  return value != nullptr && !std::holds_alternative<Map>(*value) &&
         !std::holds_alternative<List>(*value);
}

[[noreturn]] void refuse_path(const std::string& fqn) {
  throw Error(ErrorCode::corrupt,
              "load '" + fqn + "': its path and those of other entries contradict each other");
}

// Puts `value` at `path`, making the containers that lead there.
void put(StateDict& state_dict, const std::string& fqn, const Path& path, Value value) {
  try {
    set_element(state_dict, path, std::move(value));
  } catch (const Error&) {
    refuse_path(fqn);
  }
}

void check_found(const std::vector<std::string>& keys, const Metadata& metadata) {
  for (const auto& key : keys) {
    if (std::ranges::any_of(metadata.state_dict_metadata, [&](const auto& entry) {
          return asks_for(key, entry.first, path_of(metadata, entry.first));
        })) {
      continue;
    }
    const auto names = names_of(metadata);
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
    auto path = path_of(metadata, fqn);
    if (keys_ && std::ranges::none_of(*keys_, [&name = fqn, &path](const auto& key) {
          return asks_for(key, name, path);
        })) {
      continue;
    }
    const auto* tensor = std::get_if<TensorStorageMetadata>(&entry);
    put(state_dict, fqn, path,
        tensor == nullptr ? Value() : allocate(tensor->properties.dtype, tensor->size));
    leaves.push_back({fqn, std::move(path), nullptr});
  }
  // Only now, as a list that grows moves its elements.
  for (auto& leaf : leaves) {
    leaf.value = get_element(state_dict, leaf.path);
    if (!is_leaf(leaf.value)) refuse_path(leaf.fqn);
  }
  set_leaves(std::move(leaves), metadata);
}

}  // namespace h5dcp
