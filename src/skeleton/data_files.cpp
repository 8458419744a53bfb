#include "skeleton/data_files.hpp"

#include <algorithm>
#include <cstddef>
#include <system_error>
#include <utility>

#include "files/checkpoint_files.hpp"
#include "files/folder.hpp"
#include "h5dcp/bytes.hpp"
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

// The record of a file, if it is a checkpoint, finished or not.
struct Found {
  bool is_ours = false;
  bool is_readable = false;
  bool is_finished = false;
  std::uint64_t generation = 0;
  std::string folder;
};

Found look_at(const std::string& path) {
  Found found;
  Bytes start;
  try {
    const PosixFile file(path, PosixFile::Mode::read);
    start.resize(std::min<std::uint64_t>(file.size(), kRecordBytes));
    file.read(start.data(), start.size(), 0);
    found.generation = generation_of_unfinished(start);
    found.is_ours = found.is_readable = true;
    found.folder = decode_record(start).data_folder;  // throws for an unfinished one
    found.is_finished = true;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::io) throw;  // nobody knows what it is
    found.is_ours = is_record(start);
    found.is_readable = found.is_ours && found.generation != 0;
  }
  return found;
}

// When something was last written in a folder or to a file in it.
std::filesystem::file_time_type last_write(const std::filesystem::path& folder) {
  auto last = std::filesystem::last_write_time(folder);
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::error_code gone;
    const auto time = file.last_write_time(gone);
    if (!gone) last = std::max(last, time);
  }
  return last;
}

// Whether some file in `folder` may be a checkpoint with data files in `name`.
bool is_referred_to(const std::filesystem::path& folder, const std::string& name) {
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (!file.is_regular_file()) continue;
    const auto found = look_at(file.path().string());
    if (!found.is_ours) continue;
    // Nobody knows which ones a damaged checkpoint had.
    if (!found.is_readable || found.folder == name) return true;
    // An unfinished one has the folder of its own name and generation. A finished one that was
    // moved has its old generation, but another folder.
    if (!found.is_finished && name.ends_with(data_folder_name("", found.generation))) return true;
  }
  return false;
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
  return files;
}

void name_sources(std::vector<SkeletonEntry>& entries) {
  for (const auto& sources : sources_of(entries)) name_sources(entries, sources);
}

std::vector<PosixFile> make_data_files(const std::string& folder,
                                       std::vector<SkeletonEntry>& entries, const Record& whole,
                                       const FilePlacement& placement) {
  std::vector<PosixFile> files;
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
    const auto number = static_cast<std::uint32_t>(files.size() + 1);
    const Record record{
        .generation = whole.generation, .world_size = whole.world_size, .data_file = number};
    auto made = make_data_file(folder + "/" + data_file_name(number), datasets, record,
                               SkeletonMaker::direct, placement);
    for (std::size_t i = 0; i < sources.size(); ++i) {
      entries[sources[i].entry].parts[sources[i].part].address = made.addresses[i];
    }
    files.push_back(std::move(made.file));
  }
  return files;
}

std::string data_folder_at(const std::string& path) noexcept {
  try {
    // A link is replaced, and what it leads to stays.
    if (std::filesystem::is_symlink(path)) return "";
    const auto found = look_at(path);
    if (!is_folder_name(found.folder)) return "";
    return (folder_of(path) / found.folder).string();
  } catch (...) {
    return "";
  }
}

std::vector<std::filesystem::path> remove_stale_data(const std::filesystem::path& path,
                                                     std::chrono::nanoseconds age) {
  std::vector<std::filesystem::path> removed;
  const auto beside = folder_of(path);
  const auto name = path.filename().string();
  const auto now = std::filesystem::file_time_type::clock::now();
  std::vector<std::filesystem::path> candidates;
  std::error_code error;  // somebody else may remove or rename files here
  using Entries = std::filesystem::directory_iterator;
  for (Entries at(beside, error); !error && at != Entries(); at.increment(error)) {
    const auto found = at->path().filename().string();
    // As data_folder_name() has it.
    if (found.size() == data_folder_name(name, 0).size() && found.starts_with(name + ".") &&
        found.ends_with(".data")) {
      candidates.push_back(at->path());
    }
  }
  const auto current = data_folder_at(path.string());
  for (const auto& folder : candidates) {
    try {
      if (folder == current) continue;
      if (now - last_write(folder) <= age) continue;
      if (is_referred_to(beside, folder.filename().string())) continue;
      if (std::filesystem::remove_all(folder) > 0) removed.push_back(folder);
    } catch (const std::exception&) {
      continue;  // a later save tries again
    }
  }
  return removed;
}

}  // namespace h5dcp
