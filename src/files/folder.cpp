#include "files/folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "files/posix_file.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return;
  make_folder(folder_of(folder));
  // Somebody else may make it at the same time: that is as good.
  std::error_code unknown;
  bool made = std::filesystem::create_directory(folder, error);
  while (error == std::errc::interrupted) made = std::filesystem::create_directory(folder, error);
  if (!made && !std::filesystem::is_directory(folder, unknown)) {
    const bool in_the_way = std::filesystem::exists(folder, unknown);
    throw Error(ErrorCode::io,
                "make the folder '" + folder.string() +
                    "': " + std::generic_category().message(in_the_way ? ENOTDIR : error.value()));
  }
  sync_folder(folder_of(folder));
}

void sync_folder(const std::filesystem::path& folder) {
  int fd = -1;
  do {
    fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);  // NOLINT(*-vararg)
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) fail_errno("open '" + folder.string() + "'", folder, errno);
  int status = ::fsync(fd);
  while (status != 0 && errno == EINTR) status = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  // Some file systems have nothing to sync in a folder and say so.
  if (status != 0 && error != EINVAL) {
    fail_errno("bring '" + folder.string() + "' to the disk (fsync)", folder, error);
  }
}

}  // namespace h5dcp
