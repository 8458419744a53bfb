#include "state/expanded_state.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "state/depth.hpp"

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

std::vector<Map::Entry*> entries_of(Map& map, ExpandedState::Order order) {
  std::vector<Map::Entry*> entries;
  entries.reserve(map.size());
  for (auto& entry : map) entries.push_back(&entry);
  if (order != ExpandedState::Order::as_set) {
    std::ranges::sort(
        entries, {}, [](const Map::Entry* entry) -> const auto& { return entry->first; });
  }
  return entries;
}

bool is_sorted(const Map& map) {
  return std::ranges::is_sorted(map, {}, &Map::Entry::first);
}

}  // namespace

ExpandedState::ExpandedState(StateDict& state_dict, Order order) : own_(state_dict), order_(order) {
  try {
    check_depth(own_);
    if (holds_stateful(own_)) {
      for (const auto* entry : entries_of(own_, order)) expanded_[entry->first] = entry->second;
      Path path;
      expand(expanded_, path);
    } else if (order == Order::sorted && !is_sorted(own_)) {
      borrow();
    }
  } catch (...) {
    thrown_ = std::current_exception();
  }
}

// Moved, not copied: whoever refers to a value inside of another one finds it there afterwards.
void ExpandedState::borrow() {
  auto lenders = entries_of(own_, Order::sorted);
  for (const auto* entry : lenders) expanded_[entry->first] = Value();  // what may throw
  lenders_ = std::move(lenders);
  auto place = expanded_.begin();
  for (auto* entry : lenders_) (place++)->second = std::move(entry->second);
}

// Returns what comes after: a planner may have added keys, or made another state dict of it.
std::vector<Map::Entry>::iterator ExpandedState::give_back() noexcept {
  auto place = expanded_.begin();
  for (auto* entry : lenders_) {
    if (place == expanded_.end() || place->first != entry->first) break;
    entry->second = std::move((place++)->second);
  }
  lenders_.clear();
  return place;
}

ExpandedState::~ExpandedState() {
  give_back();
}

void ExpandedState::expand(Map& map, Path& path) {
  for (auto* entry : entries_of(map, order_)) {
    path.emplace_back(entry->first);
    expand(entry->second, path);
    path.pop_back();
  }
}

void ExpandedState::expand(Value& value, Path& path) {
  auto* const* found = std::get_if<Stateful*>(&value);
  Stateful* const stateful = found == nullptr ? nullptr : *found;
  if (stateful != nullptr) {
    auto state = stateful->state_dict();
    check_depth(state, path.size());
    value = std::move(state);
  }
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
  try {
    for (const auto& [path, stateful] : stateful_) {
      Value& place = *get_element(expanded_, path);
      stateful->load_state_dict(std::get<Map>(place));
      place = stateful;
    }
    for (auto place = give_back(); place != expanded_.end(); ++place) {
      own_[place->first] = std::move(place->second);
    }
  } catch (...) {
    thrown_ = std::current_exception();
  }
}

void ExpandedState::check() const {
  if (thrown_) std::rethrow_exception(thrown_);
}

}  // namespace h5dcp
