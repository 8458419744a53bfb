// Text for terminals and for programs.

#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "h5dcp/checkpoint_file.hpp"

namespace tool {

using Json = nlohmann::ordered_json;  // fields stay in the order in which docs/tool.md has them

// `text` as a terminal may see it: control characters and the backslash are escaped as in C.
std::string printable(std::string_view text);

// An FQN in a line of its own or in a column: printable, and '' if it is empty.
std::string printable_name(std::string_view fqn);

// Two hexadecimal digits a byte.
std::string hex(const h5dcp::Bytes& bytes);

// "tensor", "json", ...
std::string_view name_of(h5dcp::EntryKind kind);

// Whether entries of this kind have a dtype and a shape.
bool has_shape(h5dcp::EntryKind kind);

// "float32" of a tensor, "list int64" of a list, "json" of what has no dtype.
std::string dtype_text(const h5dcp::CheckpointEntry& entry);

// "[64, 32]", "-" of what has no shape.
std::string shape_text(const h5dcp::CheckpointEntry& entry);

// "2030-01-31T23:59:59.123456789Z"
std::string utc_text(std::int64_t unix_ns);

// The fields that every verb gives of an entry.
Json to_json(const h5dcp::CheckpointEntry& entry);
Json to_json(const h5dcp::Extents& extents);

// JSON in one line, as a terminal may see it: ASCII alone.
std::string json_line(const Json& json);

// On stdout. Text that is not UTF-8 (no save makes such) has U+FFFD in its place.
void print(const Json& json);

// Says on stderr what went wrong; returns `status`.
int fail(int status, std::string_view message);

// Lines of aligned columns on stdout.
class Table {
 public:
  using Row = std::vector<std::string>;

  // One letter a column: 'l'eft or 'r'ight.
  explicit Table(std::string alignment) : alignment_(std::move(alignment)) {}

  void add(Row row) { rows_.push_back(std::move(row)); }
  void print() const;

 private:
  std::string alignment_;
  std::vector<Row> rows_;
};

}  // namespace tool
