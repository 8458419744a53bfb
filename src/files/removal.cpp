#include "files/removal.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <map>
#include <utility>

#include "files/file_head.hpp"
#include "files/file_lock.hpp"
#include "files/folder.hpp"
#include "files/partial_name.hpp"
#include "files/unfinished.hpp"
#include "h5dcp/error.hpp"
#include "layout/data_parts.hpp"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;
using Duration = std::chrono::nanoseconds;

// A lock that is free tells that nobody writes. Locks of some mounts only hold on one node, so
// nothing goes at once; a save to such a mount that writes nothing for so long fails, and no
// checkpoint is lost.
constexpr Duration kQuietWithLocks = std::chrono::minutes(10);
constexpr Duration kQuietWithoutLocks = std::chrono::hours(1);

Duration written_at(const struct stat& status) {
  return std::chrono::seconds(status.st_mtim.tv_sec) + Duration(status.st_mtim.tv_nsec);
}

// False if it stays.
bool delete_entry(const std::string& path, int flags) {
  int status = 0;
  do {
    status = ::unlinkat(AT_FDCWD, path.c_str(), flags);
  } while (status != 0 && errno == EINTR);
  return status == 0;
}

// The data files in `folder` that are ours. With `generation`, those of that checkpoint.
std::vector<std::string> data_files_in(const std::string& folder,
                                       const std::optional<std::uint64_t>& generation) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto number = number_of_data_file(entry.path().filename().string());
    if (!number || !fs::is_regular_file(entry.symlink_status())) continue;
    const auto head = head_of(entry.path().string());
    if (head.kind == FileHead::Kind::foreign) continue;
    if (head.kind == FileHead::Kind::whole) {
      if (head.record.data_file != *number) continue;
      if (generation && head.record.generation != *generation) continue;
    } else if (generation) {
      continue;  // a data file of a whole checkpoint is whole
    }
    files.push_back(entry.path().string());
  }
  return files;
}

// Nothing but a large enough file is a checkpoint, nor what is gone by now.
FileHead head_of_checkpoint(const fs::directory_entry& entry) {
  try {
    if (!entry.is_regular_file() || entry.file_size() < kRecordBytes) return {};
    return head_of(entry.path().string());
  } catch (const fs::filesystem_error& error) {
    if (error.code() == std::errc::no_such_file_or_directory) return {};
    throw;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::not_found) return {};
    throw;
  }
}

// Whether a checkpoint beside `folder`, a folder of data files, refers to it, or may do so. The
// file `except` doesn't count.
bool is_referred_to(const fs::path& folder, const std::string& except) {
  const auto name = folder.filename().string();
  for (const auto& entry : fs::directory_iterator(folder_of(folder))) {
    if (entry.path() == except) continue;
    const auto head = head_of_checkpoint(entry);
    switch (head.kind) {
      case FileHead::Kind::foreign:
      case FileHead::Kind::empty:
        break;
      case FileHead::Kind::whole:
        if (head.record.data_folder == name) return true;
        break;
      case FileHead::Kind::uncommitted:  // it will refer to the folder of its own generation
        if (name.ends_with(data_folder_name("", head.record.generation))) return true;
        break;
      case FileHead::Kind::damaged:  // nobody knows which one it had
        return true;
    }
  }
  return false;
}

// What has one generation in its name.
struct Left {
  std::string partial;
  std::string folder;
  std::vector<std::string> of_mpi;
};

std::map<std::uint64_t, Left> left_beside(const fs::path& path) {
  std::map<std::uint64_t, Left> all;
  std::error_code error;  // somebody else may remove or rename files here
  using Entries = fs::directory_iterator;
  for (Entries at(folder_of(path), error); !error && at != Entries(); at.increment(error)) {
    const auto name = at->path().filename().string();
    const auto found = at->path().string();
    if (const auto number = generation_in_partial(name, path, false)) {
      all[*number].partial = found;
    } else if (const auto beside = generation_in_partial(name, path, true)) {
      all[*beside].of_mpi.push_back(found);
    } else if (const auto data = generation_in_data_folder(name, path.filename().string())) {
      all[*data].folder = found;
    }
  }
  return all;
}

// When something was last written to any of it.
Duration last_write(const Left& left) {
  Duration last{0};
  const auto look = [&](const std::string& path) {
    if (const auto status = path.empty() ? std::nullopt : status_at(path)) {
      last = std::max(last, written_at(*status));
    }
  };
  look(left.partial);
  look(left.folder);
  for (const auto& file : left.of_mpi) look(file);
  if (left.folder.empty()) return last;
  for (const auto& file : fs::directory_iterator(left.folder)) look(file.path().string());
  return last;
}

}  // namespace

Removal Removal::of_name(const std::string& path, FileId file) {
  Removal removal;
  removal.name_ = path;
  removal.file_ = file;
  return removal;
}

Removal Removal::of_new(const std::string& path) noexcept {
  try {
    const auto status = status_at(path);
    return status ? of_name(path, FileId(*status)) : Removal();
  } catch (...) {
    return {};
  }
}

Removal Removal::of_data(const std::string& path) noexcept {
  try {
    const auto status = status_at(path);
    // If it is a link, that is replaced and what it leads to stays. Another name of the same file
    // keeps the data files, too.
    if (!status || !S_ISREG(status->st_mode) || status->st_nlink != 1) return {};
    const auto head = head_of(path);
    if (head.kind != FileHead::Kind::whole || head.record.data_files == 0) return {};
    const auto& folder = head.record.data_folder;
    if (!generation_in_data_folder(folder, fs::path(path).filename().string())) return {};
    Removal removal;
    removal.folder_ = (folder_of(path) / folder).string();
    removal.generation_ = head.record.generation;
    return removal;
  } catch (...) {
    return {};
  }
}

Removal Removal::of_unfinished(const Unfinished& made) {
  Removal removal = of_name(made.path(), FileId(made.file().status()));
  removal.folder_ = made.data_folder();
  return removal;
}

std::vector<Removal> Removal::of_killed_saves(const std::string& path, const Unfinished& own) {
  std::vector<Removal> removals;
  const auto now = written_at(own.file().status());
  for (auto& [generation, left] : left_beside(path)) {
    if (left.partial == own.path()) continue;
    try {
      // Before the lock is tried: a job that has just made its file may not have locked it yet.
      const auto quiet = now - last_write(left);
      if (quiet < kQuietWithLocks) continue;
      Removal removal;
      bool has_locks = own.is_locked();
      if (!left.partial.empty()) {
        const auto status = status_at(left.partial);
        if (!status || !S_ISREG(status->st_mode)) continue;
        removal.lock_ = PosixFile(left.partial, PosixFile::Mode::read_write);
        const auto lock = try_lock(removal.lock_);
        if (lock == LockState::of_another) continue;
        has_locks = has_locks && lock == LockState::ours;
        if (head_of(left.partial).kind == FileHead::Kind::foreign) continue;
        removal.name_ = left.partial;
        removal.file_ = FileId(removal.lock_.status());
      }
      if (!has_locks && quiet < kQuietWithoutLocks) continue;
      removal.folder_ = left.folder;
      removal.of_mpi_ = left.of_mpi;
      removals.push_back(std::move(removal));
    } catch (const std::exception&) {
      continue;  // a later save tries again
    }
  }
  return removals;
}

void Removal::remove_data(std::vector<std::string>& gone) const {
  const auto status = folder_.empty() ? std::nullopt : status_at(folder_);
  if (!status || !S_ISDIR(status->st_mode) || is_referred_to(folder_, name_)) return;
  for (const auto& file : data_files_in(folder_, generation_)) delete_entry(file, 0);
  if (delete_entry(folder_, AT_REMOVEDIR)) gone.push_back(folder_);  // unless something is left
}

void Removal::remove_name(std::vector<std::string>& gone) const {
  for (const auto& file : of_mpi_) {
    const auto status = status_at(file);
    const bool is_empty = status && S_ISREG(status->st_mode) && status->st_size == 0;
    if (is_empty && delete_entry(file, 0)) gone.push_back(file);
  }
  const auto status = file_ ? status_at(name_) : std::nullopt;
  if (status && FileId(*status) == *file_ && delete_entry(name_, 0)) gone.push_back(name_);
}

std::vector<std::string> Removal::carry_out() noexcept {
  std::vector<std::string> gone;
  try {
    remove_data(gone);
  } catch (...) {  // somebody may still need them
  }
  try {
    remove_name(gone);
  } catch (...) {
  }
  return gone;
}

}  // namespace h5dcp
