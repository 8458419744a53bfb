// The raw limit: the same bytes in one file, or some, by plain system calls, without names, shapes,
// checksums or any guarantee but fsync.

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
  // One file, or `files`, but at most one a rank: path.0, path.1, ..., each for as many ranks.
  RawFile(std::string path, const h5dcp::Comm& comm, int files = 1);

  // Each rank's bytes follow those of the rank before, in operations of at most 8 MiB; ranks may
  // have different numbers of them. They are durable when it returns.
  double write(std::span<const std::byte> bytes) const;

  // As many bytes, from where this rank's begin, of which it wrote `written`; after the end of a
  // file comes the beginning of the next one, of the last that of the first.
  double read(std::span<std::byte> bytes, std::size_t written) const;

  // Each tensor's bytes follow those of the tensor before: an operation a tensor. Ranks have the
  // same number of bytes of a tensor. Only with one file.
  double write(const std::vector<std::span<std::byte>>& tensors) const;
  double read(const std::vector<std::span<std::byte>>& tensors) const;

 private:
  int file_of(int rank) const;
  std::string path_of(int file) const;
  // Where this rank's bytes begin in its file. Collective.
  std::size_t beginning(std::size_t written) const;

  std::string path_;
  h5dcp::Comm comm_;
  int files_;
};

}  // namespace app
