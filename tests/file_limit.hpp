// A full disk, for one process.

#pragma once

#include <sys/resource.h>

namespace h5dcp::test {

// Files of this process end at `bytes`, as on a disk that is full just there. A write beyond that
// raises SIGXFSZ, which ends the process unless the library sees to it.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;
  ~FileLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace h5dcp::test
