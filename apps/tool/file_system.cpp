#include "file_system.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <system_error>

#include "h5dcp/error.hpp"

namespace tool {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kProbeBytes = std::size_t{1} << 20;
constexpr std::size_t kDirectBytes =
    4096;  // a multiple of what O_DIRECT asks for, nearly everywhere

std::string why(int error) {
  return std::generic_category().message(error);
}

[[noreturn]] void fail_with(const std::string& action) {
  throw h5dcp::Error(h5dcp::ErrorCode::io, action + ": " + why(errno));
}

// In /proc/self/mountinfo spaces and the like are \040.
std::string unescape(const std::string& text) {
  std::string made;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      made += static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8));
      i += 3;
    } else {
      made += text[i];
    }
  }
  return made;
}

class Fd {
 public:
  Fd(const fs::path& path, int flags)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}  // NOLINT(*-vararg)
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// Whether two are below each other: "/scratch" and "/scratch/me", not "/scratch2".
bool is_below(const std::string& path, const std::string& mount) {
  if (mount == "/") return true;
  return path.starts_with(mount) && (path.size() == mount.size() || path[mount.size()] == '/');
}

Finding write_and_read_back(const fs::path& path) {
  const auto bad = [](const std::string& what) {
    return Finding{Grade::bad, "write", what + ": " + why(errno)};
  };
  std::string written(kProbeBytes, '\0');
  for (std::size_t i = 0; i < written.size(); ++i) written[i] = static_cast<char>(i * 31 % 251);
  const Fd file(path, O_RDWR | O_CREAT | O_EXCL);
  if (file.get() < 0) return bad("a file cannot be made");
  const auto size = static_cast<ssize_t>(written.size());
  if (::pwrite(file.get(), written.data(), written.size(), 0) != size) return bad("pwrite");
  if (::fsync(file.get()) != 0) return bad("fsync");
  const Fd again(path, O_RDONLY);
  std::string read(kProbeBytes + 1, '\0');
  if (again.get() < 0 || ::pread(again.get(), read.data(), read.size(), 0) != size) {
    return bad("the file cannot be read back, or has another size");
  }
  read.resize(written.size());
  if (read != written) return {Grade::bad, "write", "what is read back is not what was written"};
  return {Grade::ok, "write", "1 MiB written, synced (fsync) and read back"};
}

Finding reserve(const fs::path& path) {
  const Fd file(path, O_RDWR | O_CREAT);
  if (file.get() >= 0 && ::fallocate(file.get(), 0, 0, kProbeBytes) == 0) {
    return {Grade::ok, "fallocate", "yes"};
  }
  return {Grade::note, "fallocate", why(errno) + ": a full disk is found only while writing"};
}

Finding direct(const fs::path& path) {
  const std::unique_ptr<void, decltype(&std::free)> buffer(
      std::aligned_alloc(kDirectBytes, kDirectBytes), &std::free);
  if (buffer) std::memset(buffer.get(), 1, kDirectBytes);
  const Fd file(path, O_RDWR | O_CREAT | O_DIRECT);
  if (file.get() >= 0 && buffer &&
      ::pwrite(file.get(), buffer.get(), kDirectBytes, 0) == ssize_t{kDirectBytes}) {
    return {Grade::ok, "O_DIRECT", "yes"};
  }
  return {Grade::ok, "O_DIRECT", "no (" + why(errno) + "); h5dcp does not need it"};
}

Finding rename_to_new(const fs::path& folder) {
  const auto file = [&](const char* name) {
    auto path = folder / name;
    const Fd made(path, O_RDWR | O_CREAT);
    return path;
  };
  const auto move = [](const fs::path& from, const fs::path& to) {
    return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  };
  const auto from = file("from");
  const auto to = folder / "to";
  if (move(from, to) != 0) {
    const int error = errno;
    if (error != EINVAL && error != ENOSYS) return {Grade::bad, "rename", why(error)};
    if (::link(from.c_str(), to.c_str()) != 0) {
      return {Grade::bad, "rename",
              "neither RENAME_NOREPLACE nor links (" + why(errno) +
                  "): Overwrite::refuse does not work here"};
    }
    return {Grade::note, "rename", "no RENAME_NOREPLACE: Overwrite::refuse uses a link"};
  }
  if (move(file("other"), to) == 0) {
    return {Grade::bad, "rename", "RENAME_NOREPLACE replaces: Overwrite::refuse does not refuse"};
  }
  return {Grade::ok, "rename", "RENAME_NOREPLACE"};
}

Finding sync_folder(const fs::path& folder) {
  const Fd fd(folder, O_RDONLY | O_DIRECTORY);
  if (fd.get() >= 0 && ::fsync(fd.get()) == 0) return {Grade::ok, "folder", "fsync"};
  const int error = errno;
  const bool not_offered = error == EINVAL || error == ENOSYS || error == EOPNOTSUPP ||
                           error == EBADF || error == EISDIR;
  return {not_offered ? Grade::note : Grade::bad, "folder",
          "fsync: " + why(error) + (not_offered ? ": h5dcp calls syncfs instead" : "")};
}

}  // namespace

FileSystem file_system_of(const fs::path& folder) {
  FileSystem found;
  const auto path = fs::canonical(folder).string();
  struct statvfs space {};
  struct stat status {};
  if (::statvfs(path.c_str(), &space) != 0) fail_with("statvfs '" + path + "'");
  if (::stat(path.c_str(), &status) != 0) fail_with("stat '" + path + "'");
  found.free_bytes = std::uint64_t{space.f_bavail} * space.f_frsize;
  found.total_bytes = std::uint64_t{space.f_blocks} * space.f_frsize;
  // "36 35 98:0 /root /mount options [more ...] - type source super_options"
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id, parent, device, root, mount, options, word, type, source, super;
    words >> id >> parent >> device >> root >> mount >> options;
    while (words >> word && word != "-") continue;
    words >> type >> source >> super;
    mount = unescape(mount);
    // The innermost; of several at one place the last, which hides the others.
    if (!is_below(path, mount) || mount.size() < found.mount.size()) continue;
    found.type = type;
    found.source = unescape(source);
    found.mount = mount;
    found.options = options.append(",").append(super);
  }
  return found;
}

Scratch::Scratch(const fs::path& parent, const std::string& purpose) {
  auto name = (parent / (".h5dcp-" + purpose + ".XXXXXX")).string();
  if (::mkdtemp(name.data()) == nullptr) fail_with("make a folder in '" + parent.string() + "'");
  path_ = name;
}

Scratch::~Scratch() {
  if (keep_) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::vector<Finding> probe(const fs::path& folder) {
  return {write_and_read_back(folder / "written"), reserve(folder / "reserved"),
          direct(folder / "direct"), rename_to_new(folder), sync_folder(folder)};
}

}  // namespace tool
