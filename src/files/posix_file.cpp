#include "files/posix_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/file_size_signal.hpp"
#include "files/random_id.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 30;  // Linux moves at most 2 GiB a call

// Of shorter ranges the disk would take many, and the calls would wait for its queue.
constexpr std::size_t kWorthSyncing = std::size_t{256} << 10;

std::string where(std::size_t nbytes, std::uint64_t address, const std::string& path) {
  return std::to_string(nbytes) + " bytes at " + std::to_string(address) + " of '" + path + "'";
}

int flags_of(PosixFile::Mode mode) {
  switch (mode) {
    case PosixFile::Mode::read:
      return O_RDONLY;
    case PosixFile::Mode::read_write:
      return O_RDWR;
    case PosixFile::Mode::create:
      return O_RDWR | O_CREAT | O_EXCL;
    case PosixFile::Mode::append:
      return O_WRONLY | O_CREAT | O_APPEND;
  }
  throw Error(ErrorCode::internal, "a mode of files that is none");
}

}  // namespace

std::string bytes_free(const std::string& path) {
  std::error_code unknown;
  auto place = std::filesystem::path(path);
  if (!std::filesystem::exists(place, unknown)) place = place.parent_path();
  const auto space = std::filesystem::space(place.empty() ? "." : place, unknown);
  if (unknown) return "";
  return ", " + std::to_string(space.available) + " of " + std::to_string(space.capacity) +
         " bytes free";
}

void fail_errno(const std::string& action, const std::string& path, int error) {
  std::string text = action + ": " + std::generic_category().message(error);
  if (error == ENOSPC || error == EDQUOT) text += bytes_free(path);
  throw Error(error == ENOENT ? ErrorCode::not_found : ErrorCode::io, text);
}

std::optional<struct stat> status_at(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return status;
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  fail_errno("look at '" + path + "'", path, errno);
}

PosixFile::PosixFile(std::string path, Mode mode, mode_t permissions) : path_(std::move(path)) {
  const std::string action = (mode == Mode::create ? "create '" : "open '") + path_ + "'";
  if (path_.find('\0') != std::string::npos) {
    throw Error(ErrorCode::invalid_argument, action + ": the name has a NUL character in it");
  }
  do {
    // Does not wait for somebody to write to a pipe; means nothing to files.
    fd_ = ::open(path_.c_str(), flags_of(mode) | O_CLOEXEC | O_NONBLOCK,  // NOLINT(*-vararg)
                 permissions);
  } while (fd_ < 0 && errno == EINTR);
  if (fd_ < 0) fail_errno(action, path_, errno);
  if (const auto type = status().st_mode; !S_ISREG(type)) {
    ::close(std::exchange(fd_, -1));
    throw Error(ErrorCode::io,
                action + (S_ISDIR(type) ? ": it is a directory" : ": it is no regular file"));
  }
}

PosixFile PosixFile::in_memory() {
  PosixFile file;
  file.fd_ = ::memfd_create("h5dcp", MFD_CLOEXEC);
  if (file.fd_ < 0) {
    // Some containers forbid that, but have shared memory. It is as good, but for its size, which
    // may be limited.
    const auto name = fmt::format("/h5dcp.{:016x}", random_id());
    file.fd_ = ::shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
    if (file.fd_ < 0) fail_errno("make a file in memory", "/dev/shm", errno);
    ::shm_unlink(name.c_str());
  }
  file.path_ = "a file in memory";
  return file;
}

PosixFile::PosixFile(PosixFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

PosixFile& PosixFile::operator=(PosixFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}

PosixFile::~PosixFile() {
  if (fd_ >= 0) ::close(fd_);  // nothing to lose: sync() came before, or the save has failed
}

struct stat PosixFile::status() const {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) fail_errno("look at '" + path_ + "'", path_, errno);
  return status;
}

std::uint64_t PosixFile::size() const {
  return static_cast<std::uint64_t>(status().st_size);
}

std::uint64_t PosixFile::block_bytes() const {
  return static_cast<std::uint64_t>(status().st_blksize);
}

void PosixFile::read(void* data, std::size_t nbytes, std::uint64_t address) const {
  auto* next = static_cast<char*>(data);
  while (nbytes > 0) {
    const auto count =
        ::pread(fd_, next, std::min(nbytes, kMostBytes), static_cast<off_t>(address));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_errno("read " + where(nbytes, address, path_), path_, errno);
    if (count == 0) {
      throw Error(ErrorCode::corrupt,
                  "read " + where(nbytes, address, path_) + ": the file ends before");
    }
    next += count;
    nbytes -= static_cast<std::size_t>(count);
    address += static_cast<std::uint64_t>(count);
  }
}

void PosixFile::write(const void* data, std::size_t nbytes, std::uint64_t address) const {
  const FileSizeSignalBlock block;
  const auto* next = static_cast<const char*>(data);
  while (nbytes > 0) {
    const auto count =
        ::pwrite(fd_, next, std::min(nbytes, kMostBytes), static_cast<off_t>(address));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {  // nothing is no progress
      fail_errno("write " + where(nbytes, address, path_), path_, count < 0 ? errno : EIO);
    }
    next += count;
    nbytes -= static_cast<std::size_t>(count);
    address += static_cast<std::uint64_t>(count);
  }
}

void PosixFile::append(std::string_view text) const {
  const std::string action = "append " + std::to_string(text.size()) + " bytes to '" + path_ + "'";
  const FileSizeSignalBlock block;
  ssize_t count = 0;
  do {
    count = ::write(fd_, text.data(), text.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0) fail_errno(action, path_, errno);
  if (static_cast<std::size_t>(count) < text.size()) {
    throw Error(ErrorCode::io, action + ": only " + std::to_string(count) + bytes_free(path_));
  }
}

void PosixFile::sync() const {
  while (::fsync(fd_) != 0) {
    if (errno != EINTR) fail_errno("bring '" + path_ + "' to the disk (fsync)", path_, errno);
  }
}

void PosixFile::begin_sync(std::size_t nbytes, std::uint64_t address) const noexcept {
  if (nbytes < kWorthSyncing) return;
  static_cast<void>(::sync_file_range(fd_, static_cast<off_t>(address), static_cast<off_t>(nbytes),
                                      SYNC_FILE_RANGE_WRITE));
}

void PosixFile::reserve(std::uint64_t nbytes) const {
  const FileSizeSignalBlock block;
  while (::ftruncate(fd_, static_cast<off_t>(nbytes)) != 0) {
    if (errno != EINTR)
      fail_errno("make '" + path_ + "' " + std::to_string(nbytes) + " bytes long", path_, errno);
  }
  if (struct statfs system{}; ::fstatfs(fd_, &system) == 0 && system.f_type == TMPFS_MAGIC) {
    const auto room = std::uint64_t{system.f_bavail} * static_cast<std::uint64_t>(system.f_bsize);
    if (system.f_blocks == 0 || nbytes <= room) return;  // 0: there is no limit
    fail_errno("reserve " + std::to_string(nbytes) + " bytes for '" + path_ + "'", path_, ENOSPC);
  }
  while (nbytes > 0 && ::fallocate(fd_, 0, 0, static_cast<off_t>(nbytes)) != 0) {
    if (errno == EINTR) continue;
    // All else says that nothing can be reserved here: by this file system, kernel or container.
    if (errno != ENOSPC && errno != EDQUOT && errno != EIO) return;
    fail_errno("reserve " + std::to_string(nbytes) + " bytes for '" + path_ + "'", path_, errno);
  }
}

}  // namespace h5dcp
