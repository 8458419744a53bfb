#include "h5dcp/checkpoint_file.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tool {
namespace {

Table::Row to_row(const h5dcp::CheckpointEntry& entry, bool more) {
  Table::Row row{printable_name(entry.fqn), dtype_text(entry), shape_text(entry),
                 std::to_string(entry.nbytes)};
  if (more) {
    row.insert(row.end(), {std::string(name_of(entry.kind)), std::to_string(entry.chunks),
                           std::to_string(entry.address)});
  }
  return row;
}

}  // namespace

std::size_t entry_named(const h5dcp::CheckpointFile& file, const std::string& name) {
  const auto i = file.find(name);
  if (!i) throw UsageError("'" + file.path() + "' has no entry '" + name + "'");
  return *i;
}

int ls(const LsOptions& options) {
  const h5dcp::CheckpointFile file(options.file);
  if (options.json) {
    Json entries = Json::array();
    for (std::size_t i = 0; i < file.size(); ++i) {
      const auto entry = file.entry(i);
      auto json = to_json(entry);
      json["chunks"] = entry.chunks;
      entries.push_back(std::move(json));
    }
    print({{"file", options.file}, {"entries", std::move(entries)}});
    return kFine;
  }
  Table table(options.more ? "lllrlrr" : "lllr");
  for (std::size_t i = 0; i < file.size(); ++i) table.add(to_row(file.entry(i), options.more));
  table.print();
  return kFine;
}

}  // namespace tool
