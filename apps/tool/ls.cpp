#include "h5dcp/checkpoint_file.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tool {
namespace {

// The address in the file, or "files 1,2".
std::string place_text(const h5dcp::CheckpointEntry& entry) {
  if (entry.data_files.empty()) return std::to_string(entry.address);
  std::string text;
  for (const auto number : entry.data_files)
    text += (text.empty() ? "" : ",") + std::to_string(number);
  return (entry.data_files.size() == 1 ? "file " : "files ") + text;
}

// Of data files that are not those of the checkpoint: the entries are listed all the same.
int tell_faults(const h5dcp::CheckpointFile& file) {
  int status = kFine;
  for (const auto& fault : file.data_file_faults()) {
    status = fail(kDamaged, "'" + file.path() + "': " + fault);
  }
  return status;
}

Table::Row to_row(const h5dcp::CheckpointEntry& entry, bool more) {
  Table::Row row{printable_name(entry.fqn), dtype_text(entry), shape_text(entry),
                 std::to_string(entry.nbytes)};
  if (more) {
    row.insert(row.end(),
               {std::string(name_of(entry.kind)), std::to_string(entry.chunks), place_text(entry)});
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
    return tell_faults(file);
  }
  Table table(options.more ? "lllrlrr" : "lllr");
  for (std::size_t i = 0; i < file.size(); ++i) table.add(to_row(file.entry(i), options.more));
  table.print();
  return tell_faults(file);
}

}  // namespace tool
