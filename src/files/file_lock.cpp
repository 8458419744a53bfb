#include "files/file_lock.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>

#include <cerrno>
#include <cstdio>

namespace h5dcp {
namespace {

// No data lie at this address. MPI-IO locks the ranges that it writes, so it never meets our lock.
constexpr off_t kLockedByte = off_t{1} << 62U;

// Open MPI's MPI-IO locks whole files on NFS, and would wait for our lock.
bool locks_whole_files(const PosixFile& file) {
  struct statfs system {};
  return ::fstatfs(file.get(), &system) != 0 || system.f_type == NFS_SUPER_MAGIC;
}

}  // namespace

LockState try_lock(const PosixFile& file) noexcept {
  if (locks_whole_files(file)) return LockState::unsupported;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = kLockedByte;
  lock.l_len = 1;
  while (::fcntl(file.get(), F_OFD_SETLK, &lock) != 0) {  // NOLINT(*-vararg)
    if (errno == EAGAIN || errno == EACCES) return LockState::of_another;
    if (errno != EINTR) return LockState::unsupported;
  }
  return LockState::ours;
}

}  // namespace h5dcp
