// The signal by which the kernel answers a write beyond RLIMIT_FSIZE, and which ends a process.

#pragma once

#include <csignal>

namespace h5dcp {

// While it lives, a write, truncation or reservation beyond RLIMIT_FSIZE on this thread only fails
// with EFBIG: SIGXFSZ, which the kernel sends to the thread as well, is blocked, and taken away in
// the end. Other threads, and what the program has set for the signal, stay as they are.
//
// One may live inside another. No thread should be started meanwhile, as it would inherit the mask.
class FileSizeSignalBlock {
 public:
  FileSizeSignalBlock() noexcept;
  FileSizeSignalBlock(const FileSizeSignalBlock&) = delete;
  FileSizeSignalBlock& operator=(const FileSizeSignalBlock&) = delete;
  ~FileSizeSignalBlock();

 private:
  sigset_t before_;
  bool changed_ = false;  // whether the mask is to be put back
};

}  // namespace h5dcp
