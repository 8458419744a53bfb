#include "raw_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace app {
namespace {

constexpr std::size_t kPiece = std::size_t{8} << 20;

class Descriptor {
 public:
  Descriptor(std::string path, int flags)
      : path_(std::move(path)),
        fd_(::open(path_.c_str(), flags | O_CLOEXEC, 0644)) {  // NOLINT(*-vararg)
    checked(fd_, "open");
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { ::close(fd_); }

  void write(std::span<const std::byte> bytes, std::size_t at) const {
    while (!bytes.empty()) {
      const auto part = bytes.first(std::min(bytes.size(), kPiece));
      const auto moved = static_cast<std::size_t>(
          checked(::pwrite(fd_, part.data(), part.size(), static_cast<off_t>(at)), "pwrite"));
      bytes = bytes.subspan(moved);
      at += moved;
    }
  }

  void read(std::span<std::byte> bytes, std::size_t at) const {
    while (!bytes.empty()) {
      const auto part = bytes.first(std::min(bytes.size(), kPiece));
      const auto moved = static_cast<std::size_t>(
          checked(::pread(fd_, part.data(), part.size(), static_cast<off_t>(at)), "pread"));
      if (moved == 0) fail("end of file", EIO);
      bytes = bytes.subspan(moved);
      at += moved;
    }
  }

  std::size_t size() const {
    struct stat status {};
    checked(::fstat(fd_, &status), "fstat");
    return static_cast<std::size_t>(status.st_size);
  }

  void sync() const { checked(::fsync(fd_), "fsync"); }

 private:
  [[noreturn]] void fail(const std::string& call, int error) const {
    throw std::system_error(error, std::generic_category(), call + " '" + path_ + "'");
  }
  ssize_t checked(ssize_t result, const char* call) const {
    if (result < 0) fail(call, errno);
    return result;
  }

  std::string path_;
  int fd_;
};

// How long `work` takes, which all ranks do together.
double timed(const h5dcp::Comm& comm, const char* step, const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  std::chrono::duration<double> worked{};
  comm.agree(step, [&] {
    const auto start = Clock::now();
    work();
    worked = Clock::now() - start;
  });
  return worked.count();
}

// One rank makes the file, the others open it.
double write_new(const h5dcp::Comm& comm, const std::string& path, bool makes,
                 const std::function<void(const Descriptor&)>& write) {
  const double made = timed(comm, "raw create", [&] {
    if (makes) Descriptor(path, O_CREAT | O_EXCL | O_WRONLY);
  });
  return made + timed(comm, "raw write", [&] {
           const Descriptor file(path, O_WRONLY);
           write(file);
           file.sync();
         });
}

}  // namespace

RawFile::RawFile(std::string path, const h5dcp::Comm& comm, int files)
    : path_(std::move(path)), comm_(comm), files_(std::min(files, comm.size())) {}

int RawFile::file_of(int rank) const {
  return static_cast<int>(std::int64_t{rank} * files_ / comm_.size());
}

std::string RawFile::path_of(int file) const {
  return files_ == 1 ? path_ : path_ + "." + std::to_string(file);
}

std::size_t RawFile::beginning(std::size_t written) const {
  std::vector<std::uint64_t> sizes(static_cast<std::size_t>(files_));
  const auto mine = static_cast<std::size_t>(file_of(comm_.rank()));
  sizes[mine] = written;
  sizes = comm_.sum("raw sizes", std::move(sizes));
  const auto before = comm_.sum_before("raw beginnings", written);
  return before - std::accumulate(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(mine),
                                  std::uint64_t{0});
}

double RawFile::write(std::span<const std::byte> bytes) const {
  const auto at = beginning(bytes.size());
  const auto rank = comm_.rank();
  const auto file = file_of(rank);
  const bool first = rank == 0 || file_of(rank - 1) != file;
  return write_new(comm_, path_of(file), first,
                   [&](const Descriptor& descriptor) { descriptor.write(bytes, at); });
}

double RawFile::read(std::span<std::byte> bytes, std::size_t written) const {
  auto at = beginning(written);
  return timed(comm_, "raw read", [&] {
    for (auto file = file_of(comm_.rank()); !bytes.empty(); file = (file + 1) % files_) {
      const Descriptor descriptor(path_of(file), O_RDONLY);
      const auto size = descriptor.size();
      if (size == 0) throw std::runtime_error("'" + path_of(file) + "' is empty");
      const auto part = bytes.first(std::min(bytes.size(), size - std::min(at, size)));
      descriptor.read(part, at);
      bytes = bytes.subspan(part.size());
      at = 0;
    }
  });
}

double RawFile::write(const std::vector<std::span<std::byte>>& tensors) const {
  return write_new(comm_, path_, comm_.rank() == 0, [&](const Descriptor& file) {
    auto number = static_cast<std::size_t>(comm_.rank());
    for (const auto& bytes : tensors) {
      file.write(bytes, number * bytes.size());
      number += static_cast<std::size_t>(comm_.size());
    }
  });
}

double RawFile::read(const std::vector<std::span<std::byte>>& tensors) const {
  return timed(comm_, "raw read", [&] {
    const Descriptor file(path_, O_RDONLY);
    auto number = static_cast<std::size_t>(comm_.rank());
    for (const auto& bytes : tensors) {
      file.read(bytes, number * bytes.size());
      number += static_cast<std::size_t>(comm_.size());
    }
  });
}

}  // namespace app
