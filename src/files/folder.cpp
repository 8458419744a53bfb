#include "files/folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "files/posix_file.hpp"
#include "files/system_call.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;

// When this program began, or loaded the library.
const fs::file_time_type program_start = fs::file_time_type::clock::now();

// A folder that changed this long before the program began counts as changed by its job: the script
// that started the program may have made folders, and the clock of a file server may differ.
constexpr std::chrono::hours kBeforeStart{1};

// An open folder. A folder that cannot be opened has `error`, an errno.
struct OpenFolder {
  int fd = -1;
  int error = 0;

  explicit OpenFolder(const fs::path& folder) {
    do {
      fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);  // NOLINT(*-vararg)
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) error = errno;
  }
  OpenFolder(const OpenFolder&) = delete;
  OpenFolder& operator=(const OpenFolder&) = delete;
  ~OpenFolder() {
    if (fd >= 0) ::close(fd);
  }
};

// Whether a file system answers so because it does not offer the call. EROFS is not among these:
// ext4 answers so after it has aborted its journal, and what was written may be lost.
bool is_not_offered(int error) {
  return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == EBADF ||
         error == EISDIR;
}

// Brings the whole file system of `open` to the disk. A file system that offers neither fsync of a
// folder nor this keeps no entries back that a program could ask for.
void sync_file_system(const OpenFolder& open, const fs::path& folder) {
  const int error = error_of([&] { return ::syncfs(open.fd); });
  if (error == 0 || is_not_offered(error)) return;
  fail_errno("bring the file system of '" + folder.string() + "' to the disk (syncfs)", folder,
             error);
}

void sync_open(const OpenFolder& open, const fs::path& folder) {
  const int error = error_of([&] { return ::fsync(open.fd); });
  if (error == 0) return;
  if (is_not_offered(error)) return sync_file_system(open, folder);
  fail_errno("bring '" + folder.string() + "' to the disk (fsync)", folder, error);
}

[[noreturn]] void fail_to_open(const fs::path& folder, int error) {
  fail_errno("open '" + folder.string() + "'", folder, error);
}

// Whether the job may have made `inner` in `outer`.
bool may_be_new(const fs::path& inner, const fs::path& outer) {
  struct stat in {};
  struct stat out {};
  if (::stat(inner.c_str(), &in) != 0 || ::stat(outer.c_str(), &out) != 0) return false;
  if (in.st_dev != out.st_dev || ::access(outer.c_str(), W_OK) != 0) return false;
  std::error_code unknown;
  const auto changed = fs::last_write_time(outer, unknown);
  return !unknown && changed >= program_start - kBeforeStart;
}

}  // namespace

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

fs::path nearest_folder(const fs::path& folder) {
  std::error_code unknown;
  auto nearest = folder;
  while (fs::status(nearest, unknown).type() == fs::file_type::not_found) {
    auto above = folder_of(nearest);
    if (above == nearest) break;
    nearest = std::move(above);
  }
  return nearest;
}

void make_folder(const fs::path& folder) {
  const auto fail = [&](const std::string& why) {
    throw Error(ErrorCode::io, "make the folder '" + folder.string() + "': " + why);
  };
  std::error_code error;
  const auto found = fs::status(folder, error);
  if (fs::is_directory(found)) return;
  const auto above = folder_of(folder);
  // "." and "/" have no folder above them that could be made first.
  if (found.type() == fs::file_type::none || above == folder) {
    fail("nobody can look at it: " + error.message());
  }
  make_folder(above);
  // Somebody else may make it at the same time: that is as good.
  std::error_code unknown;
  bool made = fs::create_directory(folder, error);
  while (error == std::errc::interrupted) made = fs::create_directory(folder, error);
  if (!made && !fs::is_directory(folder, unknown)) {
    const bool in_the_way = fs::exists(folder, unknown);
    fail(std::generic_category().message(in_the_way ? ENOTDIR : error.value()));
  }
  sync_folder(above);
}

void sync_folder(const fs::path& folder) {
  const OpenFolder open(folder);
  if (open.fd < 0) fail_to_open(folder, open.error);
  sync_open(open, folder);
}

void sync_entries_above(const fs::path& folder) {
  std::error_code error;
  auto inner = fs::canonical(folder, error);
  if (error) fail_errno("look at '" + folder.string() + "'", folder, error.value());
  for (auto outer = folder_of(inner); outer != inner && may_be_new(inner, outer);
       outer = folder_of(inner)) {
    const OpenFolder open(outer);
    if (open.fd >= 0) {
      sync_open(open, outer);
    } else if (open.error == EACCES) {  // a folder in which one may make others, but not list them
      const OpenFolder within(inner);
      if (within.fd < 0) fail_to_open(inner, within.error);
      sync_file_system(within, inner);
    } else {
      fail_to_open(outer, open.error);
    }
    inner = std::move(outer);
  }
}

}  // namespace h5dcp
