// What a process has used, as the kernel and MPI see it.

#pragma once

#include <cstdint>

namespace bench {

// From the making of this on.
class Counters {
 public:
  Counters();

  std::uint64_t bytes_read() const;  // by system calls, of any file
  std::uint64_t peak_bytes() const;  // of memory, beyond what it had
  std::uint64_t allreduces() const;  // that were begun, of the library and of others
  std::uint64_t broadcasts() const;

 private:
  std::uint64_t read_;
  std::uint64_t resident_;
  std::uint64_t allreduces_;
  std::uint64_t broadcasts_;
};

}  // namespace bench
