// A file opened through POSIX: all of a request or an Error that says what, where and why. That
// includes writes beyond RLIMIT_FSIZE, for which the kernel would end the process.

#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace h5dcp {

// Which file it is, whatever its name.
struct FileId {
  explicit FileId(const struct stat& status) : device(status.st_dev), number(status.st_ino) {}

  dev_t device;
  ino_t number;

  bool operator==(const FileId&) const = default;
};

class PosixFile {
 public:
  enum class Mode : std::uint8_t {
    read,
    read_write,
    create,  // it must not exist yet
    append,  // it is made if it does not exist; for append() alone
  };

  PosixFile() = default;
  // Throws Error{not_found}, Error{io}; the latter also for a folder, a pipe or a device.
  // `permissions` are for a file that it makes; the umask takes its part of them.
  PosixFile(std::string path, Mode mode, mode_t permissions = 0666);
  // An empty file without a name, in memory; gone with its last descriptor. Throws Error{io}.
  static PosixFile in_memory();
  PosixFile(PosixFile&& other) noexcept;
  PosixFile& operator=(PosixFile&& other) noexcept;
  ~PosixFile();

  bool is_open() const { return fd_ >= 0; }
  int get() const { return fd_; }
  const std::string& path() const { return path_; }

  // Throws Error{io}.
  struct stat status() const;

  // Throws Error{io}.
  std::uint64_t size() const;

  // In what blocks the file system likes to move it, as it says. Throws Error{io}.
  std::uint64_t block_bytes() const;

  // Throws Error{io}, Error{corrupt} if the file ends before.
  void read(void* data, std::size_t nbytes, std::uint64_t address) const;

  // Throws Error{io}.
  void write(const void* data, std::size_t nbytes, std::uint64_t address) const;

  // Adds `text` to the end, in one call: so several programs may do so at once, and none tears the
  // text of another (on a local file system). Throws Error{io}, also if only a part found room.
  void append(std::string_view text) const;

  // What has been written is on the disk, by anybody on this node: fsync. Throws Error{io}.
  void sync() const;

  // Lets the kernel bring that range to the disk while others are written, so that sync() has less
  // to wait for, if the range is long enough for that to help. Only sync() tells whether it could.
  void begin_sync(std::size_t nbytes, std::uint64_t address) const noexcept;

  // Makes it `nbytes` long and reserves the disk space, where the file system can: then a full disk
  // is found here and not while ranks write. Throws Error{io}. Where space cannot be reserved, it
  // is not.
  //
  // In memory (tmpfs) that would be to write zeros: there it only sees whether there is room now.
  void reserve(std::uint64_t nbytes) const;

 private:
  std::string path_;
  int fd_ = -1;
};

// Looks at what has the name `path`, be it a link; returns nullopt if nothing has. Throws Error{io}
// if that cannot be told.
std::optional<struct stat> status_at(const std::string& path);

// ", 0 of 1048576 bytes free": of the file system on which `path` is or would be; empty if nobody
// can tell.
std::string bytes_free(const std::string& path);

// Throws Error{io}, or Error{not_found} for ENOENT: "<action>: <what errno says>", and for a full
// disk the bytes free at `path`.
[[noreturn]] void fail_errno(const std::string& action, const std::string& path, int error);

}  // namespace h5dcp
