#include "text.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <utility>
#include <variant>

namespace tool {
namespace {

constexpr std::size_t kWidestPadded = 64;  // columns: one long name must not push all lines apart

// Columns on a terminal, nearly: wide and combining characters count as one.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

void append_escaped(std::string& to, unsigned char byte) {
  constexpr std::string_view kNamed = "\a\b\t\n\v\f\r";  // 7 to 13
  constexpr std::string_view kNames = "abtnvfr";
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto named = kNamed.find(static_cast<char>(byte));
  if (named != std::string_view::npos) {
    to += {'\\', kNames[named]};
  } else {
    to += {'\\', 'x', kHex[byte / 16U], kHex[byte % 16U]};
  }
}

}  // namespace

std::string printable(std::string_view text) {
  std::string made;
  unsigned char before = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      append_escaped(made, byte);
    } else if (before == 0xC2 && byte < 0xA0 && byte >= 0x80) {  // U+0080 to U+009F: controls, too
      made.pop_back();
      append_escaped(made, before);
      append_escaped(made, byte);
    } else if (c == '\\') {
      made += "\\\\";
    } else {
      made += c;
    }
    before = byte;
  }
  return made;
}

std::string printable_name(std::string_view fqn) {
  return fqn.empty() ? "''" : printable(fqn);
}

std::string hex(const h5dcp::Bytes& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string made;
  for (const auto byte : bytes) made += {kDigits[byte / 16U], kDigits[byte % 16U]};
  return made;
}

std::string_view name_of(h5dcp::EntryKind kind) {
  switch (kind) {
    case h5dcp::EntryKind::tensor:
      return "tensor";
    case h5dcp::EntryKind::json:
      return "json";
    case h5dcp::EntryKind::bytes:
      return "bytes";
    case h5dcp::EntryKind::scalar:
      return "scalar";
    case h5dcp::EntryKind::list:
      return "list";
    case h5dcp::EntryKind::transformed:
      return "transformed";
  }
  return "unknown";
}

bool has_shape(h5dcp::EntryKind kind) {
  return kind != h5dcp::EntryKind::json && kind != h5dcp::EntryKind::bytes &&
         kind != h5dcp::EntryKind::transformed;
}

std::string dtype_text(const h5dcp::CheckpointEntry& entry) {
  std::string text;
  if (entry.kind != h5dcp::EntryKind::tensor) text += name_of(entry.kind);
  if (!has_shape(entry.kind)) return text;
  if (!text.empty()) text += ' ';
  return text += h5dcp::to_string(entry.dtype);
}

std::string shape_text(const h5dcp::CheckpointEntry& entry) {
  return has_shape(entry.kind) ? h5dcp::to_string(entry.size) : "-";
}

std::string utc_text(std::int64_t unix_ns) {
  using std::chrono::floor;
  using std::chrono::nanoseconds;
  using std::chrono::seconds;
  const nanoseconds since{unix_ns};
  const auto whole = floor<seconds>(since);
  const std::time_t time = whole.count();
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  std::ostringstream text;
  text << std::put_time(&utc, "%Y-%m-%dT%H:%M:%S.") << std::setfill('0') << std::setw(9)
       << (since - whole).count() << 'Z';
  return text.str();
}

Json to_json(const h5dcp::Extents& extents) {
  Json list = Json::array();
  for (const auto size : extents) list.push_back(size);
  return list;
}

Json to_json(const h5dcp::CheckpointEntry& entry) {
  Json path = Json::array();
  for (const auto& step : entry.path) {
    std::visit([&path](const auto& item) { path.push_back(item); }, step);
  }
  Json json{{"fqn", entry.fqn}, {"path", std::move(path)}, {"kind", name_of(entry.kind)}};
  json["dtype"] = has_shape(entry.kind) ? Json(h5dcp::to_string(entry.dtype)) : Json();
  json["shape"] = has_shape(entry.kind) ? to_json(entry.size) : Json();
  json["nbytes"] = entry.nbytes;
  json["address"] = entry.address;
  if (!entry.data_files.empty()) json["data_files"] = entry.data_files;
  if (entry.filters.any()) json["filters"] = to_string(entry.filters);
  if (!entry.chunk_shape.empty()) json["chunk_shape"] = to_json(entry.chunk_shape);
  return json;
}

std::string json_line(const Json& json) {
  auto text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
  for (auto at = text.find('\x7F'); at != text.npos; at = text.find('\x7F', at)) {
    text.replace(at, 1, "\\u007f");  // a control character which JSON lets pass
  }
  return text;
}

void print(const Json& json) {
  std::cout << json.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
}

int fail(int status, std::string_view message) {
  std::cerr << "h5dcp: " << printable(message) << std::endl;
  return status;
}

void Table::print() const {
  std::vector<std::size_t> widths(alignment_.size());
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], std::min(width(row[c]), kWidestPadded));
    }
  }
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      const auto columns = width(row[c]);
      const std::string padding(widths[c] - std::min(columns, widths[c]), ' ');
      const bool last = c + 1 == row.size();
      if (alignment_[c] == 'r') std::cout << padding;
      std::cout << row[c];
      if (alignment_[c] == 'l' && !last) std::cout << padding;
      std::cout << (last ? "\n" : "  ");
    }
  }
}

}  // namespace tool
