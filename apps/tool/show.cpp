#include <iostream>

#include "h5dcp/checkpoint_file.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tool {
namespace {

void show_text(const h5dcp::CheckpointFile& file) {
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
  table.print();
  for (std::size_t i = 0; i < file.size(); ++i) {
    const auto entry = file.entry(i);
    std::cout << '\n'
              << printable_name(entry.fqn) << "  " << dtype_text(entry) << "  " << shape_text(entry)
              << '\n';
    for (const auto& chunk : file.chunks(i)) {
      std::cout << "  rank " << chunk.writer << ": ";
      if (has_shape(entry.kind)) {
        std::cout << to_string(chunk.box) << '\n';
      } else {
        std::cout << chunk.nbytes << " bytes\n";
      }
    }
  }
}

Json chunk_json(const h5dcp::CheckpointChunk& chunk, bool shape) {
  Json json{{"rank", chunk.writer}};
  json["offsets"] = shape ? to_json(chunk.box.offsets) : Json();
  json["sizes"] = shape ? to_json(chunk.box.sizes) : Json();
  json["nbytes"] = chunk.nbytes;
  json["blocks"] = chunk.blocks;
  return json;
}

void show_json(const h5dcp::CheckpointFile& file) {
  const auto summary = file.summary();
  Json entries = Json::array();
  for (std::size_t i = 0; i < file.size(); ++i) {
    const auto entry = file.entry(i);
    Json chunks = Json::array();
    for (const auto& chunk : file.chunks(i)) {
      chunks.push_back(chunk_json(chunk, has_shape(entry.kind)));
    }
    auto json = to_json(entry);
    json["chunks"] = std::move(chunks);
    entries.push_back(std::move(json));
  }
  print({{"file", file.path()},
         {"format_version", summary.format_version},
         {"generation", std::to_string(summary.generation)},
         {"saved", utc_text(summary.created_unix_ns)},
         {"world_size", summary.world_size},
         {"data_bytes", summary.data_bytes},
         {"file_bytes", summary.file_bytes},
         {"entries", std::move(entries)}});
}

}  // namespace

int show(const ShowOptions& options) {
  const h5dcp::CheckpointFile file(options.file);
  options.json ? show_json(file) : show_text(file);
  return kFine;
}

}  // namespace tool
