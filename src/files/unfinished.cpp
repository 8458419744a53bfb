#include "files/unfinished.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "files/file_lock.hpp"
#include "files/folder.hpp"
#include "files/partial_name.hpp"
#include "files/removal.hpp"
#include "layout/data_parts.hpp"

namespace h5dcp {
namespace {

// Who may read a file may search its folder.
mode_t folder_mode(mode_t mode) {
  return mode | 0700U | ((mode & 0444U) >> 2U);
}

void give_to_folder(const std::string& folder, const Access& access) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int fd = -1;
  do {
    fd = ::open(folder.c_str(), kFlags);  // NOLINT(*-vararg)
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) fail_errno("open '" + folder + "'", folder, errno);
  give(for_folder(access), fd, 0700);
  ::close(fd);
}

}  // namespace

Unfinished::Unfinished(const std::string& path, std::uint64_t generation, FilePlacement placement)
    : placement_(std::move(placement)),
      file_(make_file(partial_name(path, generation).string(), placement_)),
      is_locked_(try_lock(file_) == LockState::ours) {}

Unfinished::Unfinished(Unfinished&& other) noexcept
    : placement_(std::move(other.placement_)),
      file_(std::move(other.file_)),
      is_locked_(other.is_locked_),
      is_kept_(std::exchange(other.is_kept_, true)),
      folder_(std::move(other.folder_)) {}

Unfinished::~Unfinished() {
  if (is_kept_) return;
  try {
    Removal::of_unfinished(*this).carry_out();
  } catch (...) {  // a later save removes what is left
  }
}

void Unfinished::make_data_folder(const std::string& name) {
  const auto folder = (folder_of(path()) / name).string();
  const mode_t mode = placement_.access ? 0700 : folder_mode(placement_.mode);
  while (::mkdir(folder.c_str(), mode) != 0) {
    if (errno != EINTR) fail_errno("make the folder '" + folder + "'", folder, errno);
  }
  folder_ = folder;
  if (placement_.access) give_to_folder(folder, *placement_.access);
  sync_folder(folder_of(folder));
}

void Unfinished::give_to_data_files(std::uint32_t data_files) const noexcept {
  if (!placement_.access) return;
  for (std::uint32_t number = 1; number <= data_files; ++number) {
    try {
      const PosixFile file(folder_ + "/" + data_file_name(number), PosixFile::Mode::read);
      give(*placement_.access, file.get(), 0);
    } catch (const std::exception&) {
      continue;  // only its owner may do less or more
    }
  }
}

}  // namespace h5dcp
