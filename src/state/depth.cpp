#include "state/depth.hpp"

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

bool is_container(const Value& value) {
  return std::holds_alternative<Map>(value) || std::holds_alternative<List>(value);
}

// Whether `value`, which is nested `depth` deep, holds containers that are nested too deep.
bool is_too_deep(const Value& value, std::size_t depth) {
  std::vector<std::pair<const Value*, std::size_t>> left{{&value, depth}};
  while (!left.empty()) {
    const auto [container, at] = left.back();
    left.pop_back();
    if (at > kMostDepth) return true;
    const auto add = [&left, at = at](const Value& inner) {
      if (is_container(inner)) left.emplace_back(&inner, at + 1);
    };
    if (const auto* const map = std::get_if<Map>(container)) {
      for (const auto& entry : *map) add(entry.second);
    } else if (const auto* const list = std::get_if<List>(container)) {
      for (const auto& inner : *list) add(inner);
    }
  }
  return false;
}

}  // namespace

void check_depth(const Map& map, std::size_t above) {
  for (const auto& [key, value] : map) {
    const bool is_deep = above > kMostDepth;  // whatever is in it: a Stateful may hold itself
    if (!is_deep && (!is_container(value) || !is_too_deep(value, above + 1))) continue;
    throw Error(ErrorCode::unsupported, "flatten the state dict: lists and maps below '" + key +
                                            "' are nested more than " + std::to_string(kMostDepth) +
                                            " deep");
  }
}

}  // namespace h5dcp
