#include "state/list_elements.hpp"

#include <algorithm>
#include <limits>
#include <variant>

namespace h5dcp {

void ListElements::add(const Path& path) {
  std::size_t beginning = 0;
  for (const auto& item : path) {
    if (const auto* const position = std::get_if<std::int64_t>(&item)) {
      auto& elements = elements_[beginning];
      elements = std::max(elements, static_cast<std::uint64_t>(*position) + 1);
    }
    const auto [found, is_new] = beginnings_.try_emplace({beginning, item}, elements_.size());
    if (is_new) elements_.push_back(0);
    beginning = found->second;
  }
}

std::uint64_t ListElements::count() const {
  std::uint64_t sum = 0;
  for (const auto elements : elements_) {
    if (__builtin_add_overflow(sum, elements, &sum)) {
      return std::numeric_limits<std::uint64_t>::max();
    }
  }
  return sum;
}

}  // namespace h5dcp
