#include "storage/hdf5_partial.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "comm/log.hpp"
#include "files/file_head.hpp"
#include "files/folder.hpp"
#include "files/new_name.hpp"
#include "files/partial_name.hpp"
#include "files/removal.hpp"
#include "h5dcp/error.hpp"
#include "layout/data_parts.hpp"
#include "layout/record.hpp"

namespace h5dcp {

void prepare_folder(const std::string& path, Overwrite overwrite, std::uint64_t generation) {
  const auto folder = folder_of(path);
  make_folder(folder);
  sync_entries_above(folder);
  // From here on what the folder has now is what it has after a power cut. An earlier job may have
  // died between its rename and its fsync; what the older entry leads to must not be removed
  // before.
  sync_folder(folder);
  if (overwrite != Overwrite::refuse) return;
  refuse_existing(path);
  check_new_name(path, generation);
}

Unfinished make_unfinished(const Comm& comm, const std::string& path, Overwrite overwrite,
                           std::uint64_t generation, const FilePlacement& placement) {
  prepare_folder(path, overwrite, generation);
  Unfinished made(path, generation, placement);
  const std::string create = "create '" + path + "'";
  for (auto& removal : Removal::of_killed_saves(path, made)) {
    for (const auto& gone : removal.carry_out()) {
      log(comm, LogLevel::warning, create,
          fmt::format("{}: removed '{}', which a save that was killed has left", create, gone));
    }
  }
  return made;
}

FilePlacement placement_of(const Comm& comm, const std::string& path, const Hdf5Options& options) {
  const auto warn = [comm, create = "create '" + path + "'",
                     told = false](const std::string& why) mutable {
    if (!std::exchange(told, true)) log(comm, LogLevel::warning, create, create + ": " + why);
  };
  return {.alignment = options.alignment,
          .striping = options.striping,
          .refused = warn,
          .access = access_at(path)};
}

std::string new_data_folder(const std::string& path, std::uint64_t generation) {
  auto name = data_folder_name(std::filesystem::path(path).filename().string(), generation);
  if (name.size() <= kMostFolderBytes) return name;
  throw Error(ErrorCode::invalid_argument,
              "'" + path + "': the name is too long for a folder of data files");
}

CheckpointFiles open_partial(const std::string& path, const Record& record, int coordinator) {
  PosixFile file(path, PosixFile::Mode::read_write);
  if (generation_of_unfinished(start_of(file)) != record.generation) {
    throw Error(ErrorCode::io, "open '" + path + "': not the file that rank " +
                                   std::to_string(coordinator) +
                                   " made; all ranks must see the same file system there");
  }
  CheckpointFiles files(std::move(file), PosixFile::Mode::read_write);
  files.expect(record);
  return files;
}

}  // namespace h5dcp
