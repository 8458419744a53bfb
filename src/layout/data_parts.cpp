#include "layout/data_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <map>
#include <queue>
#include <utility>

#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

// The smallest box around two.
Box around(Box a, const Box& b) {
  for (std::size_t d = 0; d < a.dims(); ++d) {
    const auto end = std::max(a.offsets[d] + a.sizes[d], b.offsets[d] + b.sizes[d]);
    a.offsets[d] = std::min(a.offsets[d], b.offsets[d]);
    a.sizes[d] = end - a.offsets[d];
  }
  return a;
}

}  // namespace

std::string to_string(const Files& files) {
  switch (files.way) {
    case Files::Way::one:
      return "one";
    case Files::Way::number:
      return "number " + std::to_string(files.count);
    case Files::Way::per_node:
      return "per node";
    case Files::Way::per_ranks:
      return "per " + std::to_string(files.count) + " ranks";
  }
  return "unknown";
}

std::optional<Files> files_named(const std::string& name) {
  const auto digits = name.find_first_of("0123456789");
  int count = 0;
  if (digits != name.npos) std::from_chars(&name[digits], name.data() + name.size(), count);
  for (const auto& files :
       {Files{}, Files::number(count), Files::per_node(), Files::per_ranks(count)}) {
    if (to_string(files) == name) return files;
  }
  return std::nullopt;
}

void check_files(const Files& files) {
  constexpr int kMost = 65536;
  const bool counts = files.way == Files::Way::number || files.way == Files::Way::per_ranks;
  if (!counts || (files.count >= 1 && files.count <= kMost)) return;
  throw Error(ErrorCode::invalid_argument, "Hdf5Options::files is '" + to_string(files) +
                                               "': it must be between 1 and " +
                                               std::to_string(kMost));
}

std::string data_folder_name(const std::string& checkpoint, std::uint64_t generation) {
  return fmt::format("{}.{:016x}.data", checkpoint, generation);
}

std::string data_file_name(std::uint32_t number) {
  return std::to_string(number) + ".h5";
}

std::optional<std::uint64_t> generation_named(std::string_view digits) {
  constexpr std::size_t kDigits = 16;
  constexpr std::string_view kHexadecimal = "0123456789abcdef";
  if (digits.size() != kDigits || digits.find_first_not_of(kHexadecimal) != digits.npos) {
    return std::nullopt;
  }
  std::uint64_t generation = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), generation, 16);
  return generation;
}

std::optional<std::uint64_t> generation_in_data_folder(const std::string& name,
                                                       const std::string& checkpoint) {
  const auto begin = checkpoint + ".";
  if (!name.starts_with(begin)) return std::nullopt;
  const auto generation = generation_named(
      std::string_view(name).substr(begin.size(), name.find('.', begin.size()) - begin.size()));
  if (!generation || data_folder_name(checkpoint, *generation) != name) return std::nullopt;
  return generation;
}

std::optional<std::uint32_t> number_of_data_file(const std::string& name) {
  std::uint32_t number = 0;
  std::from_chars(name.data(), name.data() + name.size(), number);
  if (number == 0 || data_file_name(number) != name) return std::nullopt;
  return number;
}

bool is_folder_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

std::string source_name(const std::string& name) {
  std::string doubled;
  for (const char c : name) doubled.append(c == '%' ? 2 : 1, c);
  return doubled;
}

Cut cut_by_groups(const std::vector<Box>& boxes, const std::vector<std::uint32_t>& groups) {
  struct Group {
    Box bounds;
    std::int64_t elements = 0;
    std::vector<std::size_t> members;
  };
  std::map<std::uint32_t, Group> by_group;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    auto& group = by_group[groups.at(i)];
    group.bounds = group.members.empty() ? boxes[i] : around(group.bounds, boxes[i]);
    group.elements += numel(boxes[i].sizes);
    group.members.push_back(i);
  }
  Cut cut;
  cut.of_box.resize(boxes.size());
  for (const auto& [number, group] : by_group) {
    const bool is_box = numel(group.bounds.sizes) == group.elements;  // as they are disjoint
    for (const auto member : group.members) {
      if (!is_box || member == group.members.front()) {
        cut.parts.push_back({number + 1, 0, is_box ? group.bounds : boxes[member]});
      }
      cut.of_box[member] = static_cast<std::uint32_t>(cut.parts.size() - 1);
    }
  }
  return cut;
}

std::vector<std::uint32_t> share_out_bytes(const std::vector<std::uint64_t>& nbytes,
                                           std::uint32_t files) {
  using Load = std::pair<std::uint64_t, std::uint32_t>;  // bytes, number
  std::priority_queue<Load, std::vector<Load>, std::greater<>> loads;
  for (std::uint32_t number = 1; number <= files; ++number) loads.emplace(0, number);
  std::vector<std::uint32_t> numbers;
  for (const auto bytes : nbytes) {
    auto [load, number] = loads.top();
    loads.pop();
    loads.emplace(load + bytes, number);
    numbers.push_back(number);
  }
  return numbers;
}

std::vector<std::int64_t> encode_parts(const std::vector<DataPart>& parts) {
  std::vector<std::int64_t> numbers{static_cast<std::int64_t>(parts.size())};
  for (const auto& part : parts) {
    numbers.push_back(part.file);
    numbers.push_back(static_cast<std::int64_t>(part.address));
    numbers.insert(numbers.end(), part.box.offsets.begin(), part.box.offsets.end());
    numbers.insert(numbers.end(), part.box.sizes.begin(), part.box.sizes.end());
  }
  return numbers;
}

DataPart decode_part(std::span<const std::int64_t> numbers) {
  const auto dims = (numbers.size() - numbers_of_part(0)) / 2;
  const auto box = numbers.subspan(numbers_of_part(0));
  if (numbers[0] < 0 || numbers[0] > std::numeric_limits<std::uint32_t>::max()) {
    throw Error(ErrorCode::corrupt,
                "a part of a tensor in data file " + std::to_string(numbers[0]));
  }
  return {static_cast<std::uint32_t>(numbers[0]),
          static_cast<std::uint64_t>(numbers[1]),
          {Extents(box.first(dims)), Extents(box.last(dims))}};
}

}  // namespace h5dcp
