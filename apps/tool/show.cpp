#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "h5dcp/checkpoint_file.hpp"
#include "svg.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tool {
namespace {

void show_entry(const h5dcp::CheckpointFile& file, std::size_t i) {
  const auto entry = file.entry(i);
  std::cout << printable_name(entry.fqn) << "  " << dtype_text(entry) << "  " << shape_text(entry)
            << '\n';
  if (!entry.chunk_shape.empty()) {
    std::cout << "  " << (entry.filters.any() ? to_string(entry.filters) + ", " : "")
              << "in chunks of " << to_string(entry.chunk_shape) << '\n';
  }
  for (const auto& chunk : file.chunks(i)) {
    std::cout << "  rank " << chunk.writer << ": ";
    if (has_shape(entry.kind)) {
      std::cout << to_string(chunk.box);
      if (entry.filters.any()) {
        std::cout << ", " << chunk.nbytes << " bytes in " << chunk.stored_bytes;
      }
      if (chunk.data_file > 0) std::cout << " in file " << chunk.data_file;
      std::cout << '\n';
    } else {
      std::cout << chunk.nbytes << " bytes\n";
    }
  }
}

void show_summary(const h5dcp::CheckpointFile& file) {
  const auto summary = file.summary();
  Table table("ll");
  table.add({"file", printable(file.path())});
  table.add({"format version", std::to_string(summary.format_version)});
  table.add({"generation", std::to_string(summary.generation)});
  table.add({"saved", utc_text(summary.created_unix_ns)});
  table.add({"world size", std::to_string(summary.world_size)});
  table.add({"entries", std::to_string(summary.entries)});
  table.add({"chunks", std::to_string(summary.chunks)});
  table.add({"data bytes", std::to_string(summary.data_bytes)});
  table.add({"file bytes", std::to_string(summary.file_bytes)});
  if (summary.data_files > 0) {
    const std::filesystem::path first(file.data_file_path(1));
    table.add({"data files", std::to_string(summary.data_files) + " in " +
                                 printable(first.parent_path().filename().string())});
  }
  if (!summary.checksums) table.add({"checksums", "not of tensors without filters"});
  table.print();
}

Json chunk_json(const h5dcp::CheckpointChunk& chunk, bool shape, bool filtered) {
  Json json{{"rank", chunk.writer}};
  json["offsets"] = shape ? to_json(chunk.box.offsets) : Json();
  json["sizes"] = shape ? to_json(chunk.box.sizes) : Json();
  json["nbytes"] = chunk.nbytes;
  if (filtered) json["stored_bytes"] = chunk.stored_bytes;
  if (chunk.data_file > 0) json["data_file"] = chunk.data_file;
  json["blocks"] = chunk.blocks;
  return json;
}

void show_json(const h5dcp::CheckpointFile& file, const std::vector<std::size_t>& shown) {
  const auto summary = file.summary();
  Json entries = Json::array();
  for (const auto i : shown) {
    const auto entry = file.entry(i);
    Json chunks = Json::array();
    for (const auto& chunk : file.chunks(i)) {
      chunks.push_back(chunk_json(chunk, has_shape(entry.kind), entry.filters.any()));
    }
    auto json = to_json(entry);
    json["chunks"] = std::move(chunks);
    entries.push_back(std::move(json));
  }
  Json whole{{"file", file.path()},
             {"format_version", summary.format_version},
             {"generation", std::to_string(summary.generation)},
             {"saved", utc_text(summary.created_unix_ns)},
             {"world_size", summary.world_size},
             {"data_bytes", summary.data_bytes},
             {"file_bytes", summary.file_bytes},
             {"entries", std::move(entries)}};
  if (summary.data_files > 0) whole["data_files"] = summary.data_files;
  if (!summary.checksums) whole["checksums"] = false;
  print(whole);
}

void draw_to(const std::string& path, const h5dcp::CheckpointFile& file, std::size_t i) {
  const auto entry = file.entry(i);
  if (!has_shape(entry.kind)) {
    throw UsageError("'" + entry.fqn + "' has no shape: it cannot be drawn");
  }
  std::ofstream svg(path);
  if (!(svg << draw_boxes(entry, file.chunks(i))).flush()) {
    throw std::runtime_error("'" + path + "' cannot be written");
  }
}

// The numbers of those entries that were asked for.
std::vector<std::size_t> entries_to_show(const h5dcp::CheckpointFile& file,
                                         const std::string& name) {
  if (!name.empty()) return {entry_named(file, name)};
  std::vector<std::size_t> all(file.size());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

}  // namespace

int show(const ShowOptions& options) {
  const h5dcp::CheckpointFile file(options.file);
  const auto shown = entries_to_show(file, options.name);
  if (!options.svg.empty()) {
    draw_to(options.svg, file, shown.front());
  } else if (options.json) {
    show_json(file, shown);
  } else if (!options.name.empty()) {
    show_entry(file, shown.front());
  } else {
    show_summary(file);
    for (const auto i : shown) {
      std::cout << '\n';
      show_entry(file, i);
    }
  }
  return kFine;
}

}  // namespace tool
