#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "h5dcp/error.hpp"
#include "h5dcp/flatten.hpp"
#include "state/depth.hpp"

namespace h5dcp {
namespace {

void append_text(std::string& text, const PathItem& item) {
  if (const auto* position = std::get_if<std::int64_t>(&item)) {
    text += std::to_string(*position);
  } else {
    text += std::get<std::string>(item);
  }
}

std::size_t text_bytes(const PathItem& item) {
  if (const auto* key = std::get_if<std::string>(&item)) return key->size();
  return std::to_string(std::get<std::int64_t>(item)).size();
}

// Whether it is the whole between two dots of the FQN.
bool is_plain_key(const PathItem& item) {
  const auto* key = std::get_if<std::string>(&item);
  return key != nullptr && key->find('.') == std::string::npos;
}

// Seven bits a byte, the lowest first; the eighth says that more follow.
void append_varint(std::string& bytes, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) bytes += static_cast<char>(number | 0x80);
  bytes += static_cast<char>(number);
}

// Takes a varint off the front of `bytes`; nullopt if there is none of at most 28 bits, which is
// ample for twice the length of a key.
std::optional<std::size_t> take_varint(std::string_view& bytes) {
  std::size_t number = 0;
  for (int shift = 0; shift < 28 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    number |= std::size_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return number;
  }
  return std::nullopt;
}

// The list position that `digits` are, written as to_fqn() writes it.
std::optional<std::int64_t> position(std::string_view digits) {
  std::int64_t number = 0;
  const auto* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc{} || stop != end || number < 0 || std::to_string(number) != digits) {
    return std::nullopt;
  }
  return number;
}

Path split_at_dots(std::string_view fqn) {
  Path path;
  for (;;) {
    const auto dot = fqn.find('.');
    path.emplace_back(std::string(fqn.substr(0, dot)));
    if (dot == std::string_view::npos) return path;
    fqn.remove_prefix(dot + 1);
  }
}

}  // namespace

std::string to_fqn(const Path& path) {
  std::string fqn;
  std::size_t nbytes = path.size();  // of dots, one too many
  for (const auto& item : path) nbytes += text_bytes(item);
  fqn.reserve(nbytes);
  for (const auto& item : path) {
    if (&item != &path.front()) fqn += '.';
    append_text(fqn, item);
  }
  return fqn;
}

std::string encode_path(const Path& path) {
  std::string encoded;
  if (std::ranges::all_of(path, is_plain_key)) return encoded;
  for (const auto& item : path) {
    const bool is_position = std::holds_alternative<std::int64_t>(item);
    append_varint(encoded, text_bytes(item) * 2 + (is_position ? 1 : 0));
  }
  return encoded;
}

Path decode_path(std::string_view fqn, std::string_view encoded) {
  const auto too_deep = [whole = fqn] {
    return Error(ErrorCode::corrupt, "the path of '" + std::string(whole.substr(0, 64)) +
                                         "...' has more than " + std::to_string(kMostDepth) +
                                         " components");
  };
  if (encoded.empty()) {
    if (std::ranges::count(fqn, '.') >= static_cast<std::ptrdiff_t>(kMostDepth)) throw too_deep();
    return split_at_dots(fqn);
  }
  const auto corrupt = [whole = fqn] {
    return Error(ErrorCode::corrupt,
                 "the stored path of '" + std::string(whole) + "' does not fit this name");
  };
  Path path;
  for (;;) {
    if (path.size() == kMostDepth) throw too_deep();
    const auto number = take_varint(encoded);
    if (!number || *number / 2 > fqn.size()) throw corrupt();
    const auto component = fqn.substr(0, *number / 2);
    fqn.remove_prefix(component.size());
    if (*number % 2 == 0) {
      path.emplace_back(std::string(component));
    } else if (const auto place = position(component)) {
      path.emplace_back(*place);
    } else {
      throw corrupt();
    }
    if (encoded.empty()) break;
    if (!fqn.starts_with('.')) throw corrupt();
    fqn.remove_prefix(1);
  }
  if (!fqn.empty()) throw corrupt();
  return path;
}

}  // namespace h5dcp
