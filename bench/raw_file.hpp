// The raw limit: the same bytes in one file by plain system calls, without names, shapes, checksums
// or any guarantee but fsync.

#pragma once

#include <mpi.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace bench {

// All methods are collective, and throw std::system_error on the rank where a call failed.
class RawFile {
 public:
  RawFile(std::string path, MPI_Comm comm);

  // Each rank's bytes follow those of the rank before, in operations of at most 8 MiB. They are
  // durable when it returns.
  void write(std::span<const std::byte> bytes) const;
  void read(std::span<std::byte> bytes) const;

  // Each tensor's bytes follow those of the tensor before: an operation a tensor.
  void write(const std::vector<std::span<std::byte>>& tensors) const;
  void read(const std::vector<std::span<std::byte>>& tensors) const;

 private:
  std::string path_;
  MPI_Comm comm_;
  int rank_ = 0;
  int size_ = 0;
};

}  // namespace bench
