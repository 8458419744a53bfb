#include "skeleton/data_files.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "h5dcp/error.hpp"
#include "layout/dataset_name.hpp"

namespace h5dcp {
namespace {

// A dataset of a data file.
struct NamedPart {
  std::string fqn;
  std::size_t entry = 0;
  std::size_t part = 0;
};

// "0:4,8:16": h5dump takes brackets at the end of a name for a selection.
std::string name_of(const Box& box) {
  std::string name;
  for (std::size_t d = 0; d < box.dims(); ++d) {
    name += d == 0 ? "" : ",";
    name += std::to_string(box.offsets[d]) + ":" + std::to_string(box.offsets[d] + box.sizes[d]);
  }
  return name;
}

// What is in each data file, by its number - 1, ordered by name.
std::vector<std::vector<NamedPart>> sources_of(const std::vector<SkeletonEntry>& entries) {
  std::vector<std::vector<NamedPart>> files(count_data_files(entries));
  for (std::size_t e = 0; e < entries.size(); ++e) {
    const auto& parts = entries[e].parts;
    for (std::size_t p = 0; p < parts.size(); ++p) {
      auto& sources = files[parts[p].file - 1];
      const bool is_next = !sources.empty() && sources.back().entry == e;
      // All the parts of one tensor in a file follow each other.
      const bool has_next = p + 1 < parts.size() && parts[p + 1].file == parts[p].file;
      auto fqn = entries[e].fqn;
      if (is_next || has_next) fqn += "." + name_of(parts[p].box);
      sources.push_back({std::move(fqn), e, p});
    }
  }
  for (auto& sources : files) std::ranges::sort(sources, {}, &NamedPart::fqn);
  return files;
}

void name_sources(std::vector<SkeletonEntry>& entries, const std::vector<NamedPart>& sources) {
  for (const auto& source : sources) {
    auto& names = entries[source.entry].sources;
    names.resize(entries[source.entry].parts.size());
    names[source.part] = dataset_path(source, sources);
  }
}

}  // namespace

void choose_files(std::vector<SkeletonEntry>& entries, std::uint32_t files) {
  std::vector<DataPart*> parts;
  std::vector<std::uint64_t> sizes;
  for (auto& entry : entries) {
    for (auto& part : entry.parts) {
      if (part.file > 0) continue;
      parts.push_back(&part);
      sizes.push_back(static_cast<std::uint64_t>(nbytes(entry.dtype, part.box.sizes)));
    }
  }
  const auto numbers = share_out_bytes(sizes, files);
  for (std::size_t p = 0; p < parts.size(); ++p) parts[p]->file = numbers[p];
}

std::uint32_t count_data_files(const std::vector<SkeletonEntry>& entries) {
  std::uint32_t files = 0;
  for (const auto& entry : entries) {
    for (const auto& part : entry.parts) files = std::max(files, part.file);
  }
  if (files > kMostDataFiles) {
    throw Error(ErrorCode::unsupported,
                std::to_string(files) + " data files: a checkpoint has at most " +
                    std::to_string(kMostDataFiles) + "; choose fewer by Hdf5Options::files");
  }
  return files;
}

void name_sources(std::vector<SkeletonEntry>& entries) {
  for (const auto& sources : sources_of(entries)) name_sources(entries, sources);
}

void make_data_files(const std::string& folder, std::vector<SkeletonEntry>& entries,
                     const Record& whole, FilePool& made, const FilePlacement& placement) {
  std::uint32_t number = 0;
  auto contents = sources_of(entries);
  contents.resize(whole.data_files);
  for (const auto& sources : contents) {
    name_sources(entries, sources);
    std::vector<SkeletonEntry> datasets;
    datasets.reserve(sources.size());
    for (const auto& source : sources) {
      const auto& entry = entries[source.entry];
      datasets.push_back({.fqn = source.fqn,
                          .path = {},
                          .kind = entry.kind,
                          .dtype = entry.dtype,
                          .sizes = entry.parts[source.part].box.sizes});
    }
    ++number;
    const Record record{
        .generation = whole.generation, .world_size = whole.world_size, .data_file = number};
    made.get(number, [&] {
      auto file = make_data_file(folder + "/" + data_file_name(number), datasets, record,
                                 SkeletonMaker::direct, placement);
      for (std::size_t i = 0; i < sources.size(); ++i) {
        entries[sources[i].entry].parts[sources[i].part].address = file.addresses[i];
      }
      return DataFile{std::move(file.file), record};
    });
  }
}

}  // namespace h5dcp
