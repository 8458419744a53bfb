#include <algorithm>
#include <string>
#include <utility>

#include "h5dcp/error.hpp"
#include "h5dcp/state_dict.hpp"

namespace h5dcp {

Map::Map() = default;

Map::Map(std::initializer_list<Entry> entries) {
  for (const auto& [key, value] : entries) (*this)[key] = value;
}

Map::Map(const Map&) = default;
Map::Map(Map&&) noexcept = default;

Map& Map::operator=(Map other) noexcept {
  entries_.swap(other.entries_);
  places_.swap(other.places_);
  return *this;
}

Map::~Map() = default;

bool Map::empty() const {
  return entries_.empty();
}

std::size_t Map::size() const {
  return entries_.size();
}

bool Map::contains(std::string_view key) const {
  return places_.contains(key);
}

Value& Map::operator[](std::string_view key) {
  const auto place = places_.find(key);
  if (place != places_.end()) return entries_[place->second].second;
  entries_.emplace_back(key, Value());
  try {
    places_.emplace(key, entries_.size() - 1);
  } catch (...) {
    entries_.pop_back();  // an entry without its place would be a second one next time
    throw;
  }
  return entries_.back().second;
}

Value& Map::at(std::string_view key) {
  return const_cast<Value&>(std::as_const(*this).at(key));  // *this is not const
}

const Value& Map::at(std::string_view key) const {
  const auto place = places_.find(key);
  if (place == places_.end()) {
    throw Error(ErrorCode::not_found, "no key '" + std::string(key) + "' among the " +
                                          std::to_string(size()) + " of the map");
  }
  return entries_[place->second].second;
}

std::vector<Map::Entry>::iterator Map::begin() {
  return entries_.begin();
}
std::vector<Map::Entry>::iterator Map::end() {
  return entries_.end();
}
std::vector<Map::Entry>::const_iterator Map::begin() const {
  return entries_.begin();
}
std::vector<Map::Entry>::const_iterator Map::end() const {
  return entries_.end();
}

bool operator==(const Map& a, const Map& b) {
  return a.size() == b.size() && std::ranges::all_of(a, [&](const Map::Entry& entry) {
           return b.contains(entry.first) && b.at(entry.first) == entry.second;
         });
}

}  // namespace h5dcp
