#include "slice.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>

#include "verbs.hpp"

namespace tool {
namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(trim(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw UsageError("slice '" + std::string(text) + "': " + why);
}

std::int64_t number(std::string_view item) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), value);
  if (error == std::errc::result_out_of_range) refuse(item, "that number is too large");
  if (error != std::errc() || end != item.data() + item.size()) {
    refuse(item, "neither an index, like 3 or -1, nor a range, like 0:4 or :");
  }
  return value;
}

// An end of a range: from the end if negative, and at most at the ends of the dimension.
std::int64_t clamped(std::string_view item, std::int64_t otherwise, std::int64_t size) {
  if (item.empty()) return otherwise;
  const auto value = number(item);
  return std::clamp<std::int64_t>(value < 0 ? std::max(value, -size) + size : value, 0, size);
}

// Replaces "..." and what is missing at the end by ":".
std::vector<std::string_view> one_a_dimension(std::string_view text, std::size_t dims) {
  auto items = trim(text).empty() ? std::vector<std::string_view>() : split(text, ',');
  const auto dots = std::ranges::count(items, "...");
  if (dots > 1) refuse(text, "more than one '...'");
  const auto given = items.size() - static_cast<std::size_t>(dots);
  if (given > dims) {
    refuse(text, std::to_string(given) + " dimensions, where there are " + std::to_string(dims));
  }
  auto place = std::ranges::find(items, "...");
  if (dots == 1) place = items.erase(place);
  items.insert(place, dims - given, ":");
  return items;
}

}  // namespace

Slice parse_slice(std::string_view text, const h5dcp::Extents& sizes) {
  Slice slice{{sizes, sizes}, {}};
  const auto items = one_a_dimension(text, sizes.size());
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    const auto ends = split(items[d], ':');
    if (ends.size() > 2) refuse(items[d], "steps are not supported");
    if (ends.size() == 2) {
      const auto first = clamped(ends[0], 0, sizes[d]);
      slice.box.offsets[d] = first;
      slice.box.sizes[d] = std::max<std::int64_t>(0, clamped(ends[1], sizes[d], sizes[d]) - first);
      slice.kept.push_back(d);
      continue;
    }
    const auto index = number(items[d]);
    if (index < -sizes[d] || index >= sizes[d]) {
      refuse(items[d],
             "dimension " + std::to_string(d) + " has " + std::to_string(sizes[d]) + " indices" +
                 (sizes[d] > 0
                      ? ", " + std::to_string(-sizes[d]) + " to " + std::to_string(sizes[d] - 1)
                      : std::string()));
    }
    slice.box.offsets[d] = index < 0 ? index + sizes[d] : index;
    slice.box.sizes[d] = 1;
  }
  return slice;
}

}  // namespace tool
