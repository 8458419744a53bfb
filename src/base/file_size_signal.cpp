#include "base/file_size_signal.hpp"

#include <pthread.h>

#include <cerrno>
#include <ctime>

namespace h5dcp {
namespace {

sigset_t only_file_size() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGXFSZ);
  return set;
}

}  // namespace

FileSizeSignalBlock::FileSizeSignalBlock() noexcept {
  const auto set = only_file_size();
  changed_ = ::pthread_sigmask(SIG_BLOCK, &set, &before_) == 0;
}

FileSizeSignalBlock::~FileSizeSignalBlock() {
  if (!changed_) return;
  const int error = errno;  // which the caller may not have read yet
  const auto set = only_file_size();
  const timespec at_once{0, 0};
  while (::sigtimedwait(&set, nullptr, &at_once) < 0 && errno == EINTR) {
  }
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  errno = error;
}

}  // namespace h5dcp
