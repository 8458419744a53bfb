#include "raw_file.hpp"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace bench {
namespace {

constexpr std::size_t kPiece = std::size_t{8} << 20;

long checked(long result, const char* call) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), call);
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(static_cast<int>(checked(fd, "open"))) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(fd_); }

  void write(std::span<const std::byte> bytes, std::size_t at) const {
    while (!bytes.empty()) {
      const auto part = bytes.first(std::min(bytes.size(), kPiece));
      const auto moved = static_cast<std::size_t>(
          checked(pwrite(fd_, part.data(), part.size(), static_cast<off_t>(at)), "pwrite"));
      bytes = bytes.subspan(moved);
      at += moved;
    }
  }

  void read(std::span<std::byte> bytes, std::size_t at) const {
    while (!bytes.empty()) {
      const auto part = bytes.first(std::min(bytes.size(), kPiece));
      const auto moved = static_cast<std::size_t>(
          checked(pread(fd_, part.data(), part.size(), static_cast<off_t>(at)), "pread"));
      if (moved == 0) throw std::system_error(EIO, std::generic_category(), "end of file");
      bytes = bytes.subspan(moved);
      at += moved;
    }
  }

  void sync() const { checked(fsync(fd_), "fsync"); }

 private:
  int fd_;
};

// Rank 0 makes the file, the others open it.
Descriptor create(const std::string& path, MPI_Comm comm, int rank) {
  if (rank == 0) Descriptor(open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0644));
  MPI_Barrier(comm);
  return Descriptor(open(path.c_str(), O_WRONLY));
}

}  // namespace

RawFile::RawFile(std::string path, MPI_Comm comm) : path_(std::move(path)), comm_(comm) {
  MPI_Comm_rank(comm, &rank_);
  MPI_Comm_size(comm, &size_);
}

void RawFile::write(std::span<const std::byte> bytes) const {
  const Descriptor file = create(path_, comm_, rank_);
  file.write(bytes, static_cast<std::size_t>(rank_) * bytes.size());
  file.sync();
  MPI_Barrier(comm_);
}

void RawFile::read(std::span<std::byte> bytes) const {
  const Descriptor file(open(path_.c_str(), O_RDONLY));
  file.read(bytes, static_cast<std::size_t>(rank_) * bytes.size());
  MPI_Barrier(comm_);
}

void RawFile::write(const std::vector<std::span<std::byte>>& tensors) const {
  const Descriptor file = create(path_, comm_, rank_);
  std::size_t number = static_cast<std::size_t>(rank_);
  for (const auto& bytes : tensors) {
    file.write(bytes, number * bytes.size());
    number += static_cast<std::size_t>(size_);
  }
  file.sync();
  MPI_Barrier(comm_);
}

void RawFile::read(const std::vector<std::span<std::byte>>& tensors) const {
  const Descriptor file(open(path_.c_str(), O_RDONLY));
  std::size_t number = static_cast<std::size_t>(rank_);
  for (const auto& bytes : tensors) {
    file.read(bytes, number * bytes.size());
    number += static_cast<std::size_t>(size_);
  }
  MPI_Barrier(comm_);
}

}  // namespace bench
