#include "state/expanded_state.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

namespace h5dcp {
namespace {

bool holds_stateful(const Value& value);

bool holds_stateful(const Map& map) {
  return std::ranges::any_of(map, [](const auto& entry) { return holds_stateful(entry.second); });
}

bool holds_stateful(const Value& value) {
  if (const auto* map = std::get_if<Map>(&value)) return holds_stateful(*map);
  if (const auto* list = std::get_if<List>(&value)) {
    return std::ranges::any_of(*list, [](const Value& item) { return holds_stateful(item); });
  }
  return std::holds_alternative<Stateful*>(value);
}

}  // namespace

ExpandedState::ExpandedState(StateDict& state_dict, Order order) : own_(state_dict), order_(order) {
  if (!holds_stateful(state_dict)) return;
  try {
    expanded_ = state_dict;
    Path path;
    expand(expanded_, path);
  } catch (...) {
    thrown_ = std::current_exception();
  }
}

void ExpandedState::expand(Map& map, Path& path) {
  std::vector<std::string> keys;
  keys.reserve(map.size());
  for (const auto& [key, value] : map) keys.push_back(key);
  if (order_ == Order::sorted) std::ranges::sort(keys);
  for (const auto& key : keys) {
    path.emplace_back(key);
    expand(map[key], path);
    path.pop_back();
  }
}

void ExpandedState::expand(Value& value, Path& path) {
  auto* const* found = std::get_if<Stateful*>(&value);
  Stateful* const stateful = found == nullptr ? nullptr : *found;
  if (stateful != nullptr) value = stateful->state_dict();
  if (auto* map = std::get_if<Map>(&value)) {
    expand(*map, path);
  } else if (auto* list = std::get_if<List>(&value)) {
    for (std::size_t i = 0; i < list->size(); ++i) {
      path.emplace_back(static_cast<std::int64_t>(i));
      expand((*list)[i], path);
      path.pop_back();
    }
  }
  if (stateful != nullptr) stateful_.emplace_back(path, stateful);
}

void ExpandedState::restore() {
  if (stateful_.empty()) return;
  try {
    for (const auto& [path, stateful] : stateful_) {
      Value& place = *get_element(expanded_, path);
      stateful->load_state_dict(std::get<Map>(place));
      place = stateful;
    }
    own_ = std::move(expanded_);
  } catch (...) {
    thrown_ = std::current_exception();
  }
}

void ExpandedState::check() const {
  if (thrown_) std::rethrow_exception(thrown_);
}

}  // namespace h5dcp
