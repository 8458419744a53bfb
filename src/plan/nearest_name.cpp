#include "plan/nearest_name.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

namespace h5dcp {
namespace {

constexpr std::size_t kMaxNames = 10'000;
constexpr std::size_t kMaxLength = 200;

// Characters to insert, remove or replace.
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);  // from the start of `a` to each start of `b`
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const auto replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string_view nearest_name(std::string_view name, std::span<const std::string_view> names) {
  if (name.size() > kMaxLength) return {};
  std::string_view nearest;
  std::size_t fewest = 2 + name.size() / 8;  // more is another name
  for (const auto other : names.first(std::min(names.size(), kMaxNames))) {
    const auto longer = std::max(name.size(), other.size());
    if (longer - std::min(name.size(), other.size()) >= fewest) continue;
    if (const auto needed = edits(name, other); needed < fewest) {
      fewest = needed;
      nearest = other;
    }
  }
  return nearest;
}

std::vector<std::string_view> names_of(const Metadata& metadata) {
  std::vector<std::string_view> names;
  names.reserve(metadata.state_dict_metadata.size());
  for (const auto& [fqn, entry] : metadata.state_dict_metadata) names.emplace_back(fqn);
  return names;
}

}  // namespace h5dcp
