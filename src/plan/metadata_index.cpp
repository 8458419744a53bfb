#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "h5dcp/metadata.hpp"

namespace h5dcp {

std::strong_ordering operator<=>(const MetadataIndex& a, const MetadataIndex& b) {
  if (const auto order = a.fqn <=> b.fqn; std::is_neq(order)) return order;
  if (a.offset.has_value() != b.offset.has_value()) {
    return a.offset.has_value() <=> b.offset.has_value();
  }
  if (!a.offset) return std::strong_ordering::equal;
  return std::lexicographical_compare_three_way(a.offset->begin(), a.offset->end(),
                                                b.offset->begin(), b.offset->end());
}

}  // namespace h5dcp

std::size_t std::hash<h5dcp::MetadataIndex>::operator()(
    const h5dcp::MetadataIndex& index) const noexcept {
  constexpr std::size_t kOddMultiplier = 0x9e3779b97f4a7c15;  // spreads what differs in few bits
  std::size_t mixed = std::hash<std::string>{}(index.fqn);
  if (!index.offset) return mixed;
  for (const auto offset : *index.offset) {
    mixed = (mixed ^ static_cast<std::size_t>(offset + 1)) * kOddMultiplier;
  }
  return mixed;
}
