#include "h5dcp/flatten.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <unordered_map>
#include <utility>

#include "base/utf8.hpp"
#include "h5dcp/error.hpp"
#include "state/depth.hpp"
#include "state/leaves_by_name.hpp"

namespace h5dcp {
namespace {

// As Python would write the way to it: ['model']['layers'][0].
std::string subscripts(const Path& path) {
  std::string text;
  for (const auto& item : path) {
    const auto* const position = std::get_if<std::int64_t>(&item);
    text += position != nullptr ? "[" + std::to_string(*position) + "]"
                                : "['" + std::get<std::string>(item) + "']";
  }
  return text;
}

// Whether a list is a container, and not one leaf.
bool holds_containers(const List& list) {
  return std::ranges::any_of(list, [](const Value& value) {
    const auto* const inner = std::get_if<List>(&value);
    return std::holds_alternative<Map>(value) || std::holds_alternative<TensorView>(value) ||
           std::holds_alternative<ShardedTensor>(value) ||
           (inner != nullptr && holds_containers(*inner));
  });
}

// Collects the leaves of a state dict. It recurses, so the depth must be checked.
class Walk {
 public:
  std::vector<Leaf> leaves;

  void descend(Map& map) {
    for (auto& [key, value] : map) step(key, value);
  }

 private:
  void step(PathItem item, Value& value) {
    path_.push_back(std::move(item));
    auto* const map = std::get_if<Map>(&value);
    auto* const list = std::get_if<List>(&value);
    if (map != nullptr && !map->empty()) {
      descend(*map);
    } else if (list != nullptr && holds_containers(*list)) {
      for (std::size_t i = 0; i < list->size(); ++i) step(static_cast<std::int64_t>(i), (*list)[i]);
    } else {
      leaves.push_back({to_fqn(path_), path_, &value});
    }
    path_.pop_back();
  }

  Path path_;
};

// Throws Error{unsupported} if `state_dict` is nested too deep.
std::vector<Leaf> leaves_of(StateDict& state_dict) {
  check_depth(state_dict);
  Walk walk;
  walk.descend(state_dict);
  return std::move(walk.leaves);
}

void check_fqns(const std::vector<Leaf>& leaves) {
  const auto refuse = [](const std::string& why) {
    throw Error(ErrorCode::invalid_argument, "flatten the state dict: " + why);
  };
  // In the order of names none comes twice.
  const bool ascending = std::ranges::is_sorted(leaves, std::less_equal<>(), &Leaf::fqn);
  std::unordered_map<std::string_view, const Leaf*> seen;
  if (!ascending) seen.reserve(leaves.size());
  for (const auto& leaf : leaves) {
    if (!is_utf8(leaf.fqn)) refuse("the name of " + subscripts(leaf.path) + " is not UTF-8");
    if (leaf.fqn.size() > kMaxFqnBytes) {
      refuse("the name '" + leaf.fqn.substr(0, 64) + "...' has " + std::to_string(leaf.fqn.size()) +
             " bytes, more than " + std::to_string(kMaxFqnBytes));
    }
    if (ascending) continue;
    const auto [other, added] = seen.try_emplace(leaf.fqn, &leaf);
    if (!added) {
      refuse(subscripts(other->second->path) + " and " + subscripts(leaf.path) +
             " have the same name '" + leaf.fqn + "'");
    }
  }
}

// The value that `item` leads to, made if there is none. A null on the way may be padding: it
// counts as none.
Value& step_into(Value& container, const PathItem& item, const Path& path) {
  const auto refuse = [&](const char* why) {
    throw Error(ErrorCode::invalid_argument, "set " + subscripts(path) + ": " + why);
  };
  const bool absent = std::holds_alternative<std::monostate>(container);
  if (const auto* key = std::get_if<std::string>(&item)) {
    if (absent) container = Map();
    auto* const map = std::get_if<Map>(&container);
    if (map == nullptr) refuse("a key leads into something that is no map");
    return (*map)[*key];
  }
  const auto position = std::get<std::int64_t>(item);
  if (absent) container = List();
  auto* const list = std::get_if<List>(&container);
  if (list == nullptr) refuse("a position leads into something that is no list");
  if (position < 0) refuse("a position is negative");
  const auto index = static_cast<std::size_t>(position);
  if (index >= list->size()) list->resize(index + 1);
  return (*list)[index];
}

}  // namespace

const Leaf* Leaves::find(std::string_view fqn) const {
  for (const auto next : {last_, last_ + 1, std::size_t{0}}) {
    if (next >= leaves_.size() || leaves_[next].fqn != fqn) continue;
    last_ = next;
    return &leaves_[next];
  }
  if (by_fqn_.empty()) {
    by_fqn_.reserve(leaves_.size());
    for (std::size_t i = 0; i < leaves_.size(); ++i) by_fqn_.emplace(leaves_[i].fqn, i);
  }
  const auto found = by_fqn_.find(fqn);
  if (found == by_fqn_.end()) return nullptr;
  last_ = found->second;
  return &leaves_[last_];
}

std::vector<Leaf> leaves_by_name(StateDict& state_dict) {
  auto leaves = leaves_of(state_dict);
  std::vector<Leaf*> order;
  order.reserve(leaves.size());
  for (auto& leaf : leaves) order.push_back(&leaf);
  const auto name = [](const Leaf* leaf) -> const auto& {
    return leaf->fqn;
  };
  if (!std::ranges::is_sorted(order, {}, name)) std::ranges::stable_sort(order, {}, name);
  std::vector<Leaf> sorted;
  sorted.reserve(order.size());
  for (auto* leaf : order) sorted.push_back(std::move(*leaf));
  check_fqns(sorted);
  return sorted;
}

std::vector<Leaf> flatten_state_dict(StateDict& state_dict) {
  auto leaves = leaves_of(state_dict);
  check_fqns(leaves);
  return leaves;
}

std::vector<Leaf> top_leaves(StateDict& state_dict) {
  std::vector<Leaf> leaves;
  leaves.reserve(state_dict.size());
  for (auto& [key, value] : state_dict) leaves.push_back({key, {key}, &value});
  check_fqns(leaves);
  return leaves;
}

StateDict unflatten_state_dict(const std::vector<Leaf>& leaves) {
  StateDict state_dict;
  for (const auto& leaf : leaves) set_element(state_dict, leaf.path, *leaf.value);
  return state_dict;
}

void traverse_state_dict(StateDict& state_dict,
                         const std::function<void(const Path& path, Value& value)>& visit) {
  for (const auto& leaf : leaves_of(state_dict)) visit(leaf.path, *leaf.value);
}

Value* get_element(StateDict& state_dict, const Path& path) {
  if (path.empty()) return nullptr;
  Map* map = &state_dict;
  List* list = nullptr;
  Value* found = nullptr;
  for (const auto& item : path) {
    const auto* const key = std::get_if<std::string>(&item);
    if (key != nullptr) {
      if (map == nullptr || !map->contains(*key)) return nullptr;
      found = &map->at(*key);
    } else {
      const auto position = std::get<std::int64_t>(item);
      if (list == nullptr || position < 0 || static_cast<std::size_t>(position) >= list->size()) {
        return nullptr;
      }
      found = &(*list)[static_cast<std::size_t>(position)];
    }
    map = std::get_if<Map>(found);
    list = std::get_if<List>(found);
  }
  return found;
}

void set_element(StateDict& state_dict, const Path& path, Value value) {
  if (path.empty() || !std::holds_alternative<std::string>(path.front())) {
    throw Error(ErrorCode::invalid_argument,
                "set " + subscripts(path) + ": the path does not begin with a key");
  }
  Value* place = &state_dict[std::get<std::string>(path.front())];
  for (std::size_t i = 1; i < path.size(); ++i) place = &step_into(*place, path[i], path);
  *place = std::move(value);
}

}  // namespace h5dcp
