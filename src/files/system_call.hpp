// Calls of the system that a signal may interrupt.

#pragma once

#include <cerrno>

namespace h5dcp {

// Makes `call`, which returns 0 if it succeeds, until no signal interrupts it. Returns errno, or 0.
template <class Call>
int error_of(const Call& call) {
  while (call() != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

}  // namespace h5dcp
