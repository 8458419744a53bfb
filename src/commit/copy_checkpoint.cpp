#include "h5dcp/copy_checkpoint.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/context.hpp"
#include "commit/opened.hpp"
#include "commit/publish.hpp"
#include "files/access.hpp"
#include "files/folder.hpp"
#include "files/new_file.hpp"
#include "files/partial_name.hpp"
#include "files/random_id.hpp"
#include "files/removal.hpp"
#include "files/unfinished.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/flatten.hpp"
#include "layout/data_parts.hpp"
#include "layout/filters.hpp"
#include "layout/tables.hpp"
#include "skeleton/data_files.hpp"
#include "skeleton/skeleton.hpp"
#include "storage/hdf5_options.hpp"
#include "storage/hdf5_partial.hpp"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;

enum class Way : std::uint8_t { copy, move };

void copy_bytes(const PosixFile& from, std::uint64_t first, const PosixFile& to,
                std::uint64_t address, std::uint64_t nbytes) {
  constexpr std::uint64_t kPieceBytes = std::uint64_t{8} << 20;
  Bytes piece;
  for (std::uint64_t done = 0; done < nbytes; done += piece.size()) {
    piece.resize(std::min(kPieceBytes, nbytes - done));
    from.read(piece.data(), piece.size(), first + done);
    to.write(piece.data(), piece.size(), address + done);
  }
}

// How the files of a copy are made: as accessible as what they replace. A copy that replaces
// nothing is as accessible as the original, but for what the umask takes; a checkpoint that moves
// is in all.
FilePlacement placement_at(const std::string& to, const std::string& from, Way way) {
  FilePlacement placement{.access = access_at(to)};
  if (placement.access) return placement;
  auto original = access_at(from);
  if (way == Way::move) {
    placement.access = std::move(original);
  } else if (original) {
    placement.mode = original->mode;
  }
  return placement;
}

// Gives the file a second name, or copies it where that cannot be, and brings its bytes to the
// disk: whoever made it may have left them in the page cache.
void take_data_file(const PosixFile& from, const std::string& to, Way way,
                    const FilePlacement& placement) {
  if (way == Way::move && ::link(from.path().c_str(), to.c_str()) == 0) {
    from.sync();
    return;
  }
  const PosixFile copy = make_file(to, placement);
  copy_bytes(from, 0, copy, 0, from.size());
  copy.sync();
}

// What make_skeleton() was given for the checkpoint.
std::vector<SkeletonEntry> entries_of(const Opened& opened) {
  const auto& index = opened.index;
  std::vector<SkeletonEntry> entries;
  entries.reserve(index.size());
  for (std::size_t i = 0; i < index.size(); ++i) {
    auto& entry = entries.emplace_back(SkeletonEntry{.fqn = std::string(index.fqn(i)),
                                                     .path = encode_path(index.path(i)),
                                                     .kind = index.kind(i),
                                                     .dtype = index.dtype(i),
                                                     .sizes = index.sizes(i),
                                                     .chunks = index.row(i).chunks});
    for (const auto& chunk : read_chunks(opened.files.own(), index, i)) {
      entry.checksums += chunk.checksums.size();
    }
    if (index.in_data_files(i)) entry.parts = index.parts(i);
  }
  name_sources(entries);
  return entries;
}

// Makes the checkpoint anew in `file`, with data files in another folder: its name is in HDF5's
// metadata, where another one may need more room.
void remake(const Opened& opened, const PosixFile& file, const std::string& folder) {
  const auto& old = opened.index.record();
  const Record whole{.generation = old.generation,
                     .world_size = old.world_size,
                     .data_files = old.data_files,
                     .unhashed = old.unhashed,
                     .data_folder = folder};
  auto skeleton = make_skeleton(file, entries_of(opened), whole);
  Record& record = skeleton.record;
  for (const auto table : {Table::chunks, Table::boxes, Table::checksums, Table::blobs}) {
    const auto& from = old.table(table);
    const auto& to = record.table(table);
    if (from.nbytes != to.nbytes) {
      throw Error(ErrorCode::corrupt,
                  std::string("index table '") + name_of(table) + "' has rows that no entry has");
    }
    copy_bytes(opened.files.own(), from.address, file, to.address, from.nbytes);
  }
  for (std::size_t i = 0; i < opened.index.size(); ++i) {
    if (in_blobs(opened.index.kind(i)) || opened.index.in_data_files(i)) continue;
    const auto row = opened.index.row(i);
    copy_bytes(opened.files.own(), row.address, file, skeleton.places[i].address, row.nbytes);
  }
  record.committed = true;
  record.created_unix_ns = old.created_unix_ns;
  record.index_digest = old.index_digest;
  const Bytes start = encode_record(record);
  file.write(start.data(), start.size(), 0);
}

void copy_as(const Opened& opened, const std::string& to, Overwrite overwrite, Way way) {
  const auto& from = opened.files.own().path();
  std::error_code unknown;
  if (fs::equivalent(from, to, unknown)) {
    throw Error(ErrorCode::invalid_argument, "'" + to + "' is that checkpoint");
  }
  const auto id = random_id();
  prepare_folder(to, overwrite, id);
  Unfinished made(to, id, placement_at(to, from, way));
  const auto& record = opened.index.record();
  if (record.data_files > 0) {
    const auto name = new_data_folder(to, id);
    made.make_data_folder(name);
    for (std::uint32_t number = 1; number <= record.data_files; ++number) {
      take_data_file(*opened.files.at(number), made.data_folder() + "/" + data_file_name(number),
                     way, made.placement());
    }
    sync_folder(made.data_folder());
    remake(opened, made.file(), name);
  } else {
    copy_bytes(opened.files.own(), 0, made.file(), 0, record.file_bytes);
  }
  made.file().sync();
  if (made.placement().access) give_finally(*made.placement().access, made.file().get());
  auto replaced = Removal::of_data(to);
  take_name(made, to, overwrite);
  made.give_to_data_files(record.data_files);  // which may have had two names until here
  settle_name(to, std::move(replaced));
}

// In one step, if both are on one file system. Of a checkpoint without data files.
bool rename_checkpoint(const std::string& from, const std::string& to, Overwrite overwrite) {
  struct stat source {};
  struct stat target {};
  if (::stat(from.c_str(), &source) != 0 || ::stat(folder_of(to).c_str(), &target) != 0) {
    return false;
  }
  if (source.st_dev != target.st_dev) return false;
  const PosixFile file(from, PosixFile::Mode::read);
  file.sync();  // whoever made it may have left its bytes in the page cache
  sync_entries_above(folder_of(to));
  const auto access = access_at(to);
  auto replaced = Removal::of_data(to);
  move_name(from, to, file, overwrite);
  if (access) give(*access, file.get(), 0);
  settle_name(to, std::move(replaced));
  sync_folder(folder_of(from));
  return true;
}

}  // namespace

void copy_checkpoint(const std::string& from, const std::string& to, Overwrite overwrite) {
  with_context("copy '" + from + "' to '" + to + "'", [&] {
    check_path("copy to", to);
    copy_as(open_checkpoint(from), to, overwrite, Way::copy);
  });
}

void move_checkpoint(const std::string& from, const std::string& to, Overwrite overwrite) {
  with_context("move '" + from + "' to '" + to + "'", [&] {
    std::error_code unknown;
    if (fs::is_symlink(from, unknown)) {
      throw Error(ErrorCode::invalid_argument, "'" + from + "' is a link: move what it leads to");
    }
    const Opened opened = open_checkpoint(from);
    const bool in_one_file = opened.index.record().data_files == 0;
    auto data = Removal::of_data(from);
    if (in_one_file && !fs::equivalent(from, to, unknown)) {
      check_path("move to", to);
      make_folder(folder_of(to));
      if (rename_checkpoint(from, to, overwrite)) return;
    }
    check_path("copy to", to);
    copy_as(opened, to, overwrite, Way::move);
    // First what leads to the data files, then these.
    const FileId moved(opened.files.own().status());
    if (Removal::of_name(from, moved).carry_out().empty()) {
      throw Error(ErrorCode::io, "'" + to + "' is there, but '" + from +
                                     "' cannot be removed, or is another checkpoint now");
    }
    sync_folder(folder_of(from));
    if (!data.carry_out().empty())
      sync_folder(folder_of(from));  // or they would be back after a power cut
  });
}

}  // namespace h5dcp
