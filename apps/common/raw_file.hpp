// The raw limit: the same bytes in one file by plain system calls, without names, shapes, checksums
// or any guarantee but fsync.

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "h5dcp/comm.hpp"

namespace app {

// All methods are collective, and throw the same CheckpointException on all ranks if a call failed
// on any. They return how many seconds this rank has worked before it waited for the others.
class RawFile {
 public:
  RawFile(std::string path, const h5dcp::Comm& comm);

  // Each rank's bytes follow those of the rank before, in operations of at most 8 MiB; ranks may
  // have different numbers of them. They are durable when it returns.
  double write(std::span<const std::byte> bytes) const;

  // As many bytes, from where this rank's begin in the file, of which it wrote `written`; after the
  // last byte of the file comes its first.
  double read(std::span<std::byte> bytes, std::size_t written) const;

  // Each tensor's bytes follow those of the tensor before: an operation a tensor. Ranks have the
  // same number of bytes of a tensor.
  double write(const std::vector<std::span<std::byte>>& tensors) const;
  double read(const std::vector<std::span<std::byte>>& tensors) const;

 private:
  std::string path_;
  h5dcp::Comm comm_;
};

}  // namespace app
