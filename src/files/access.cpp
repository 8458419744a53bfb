#include "files/access.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace h5dcp {
namespace {

constexpr mode_t kAllBits = 0777;
constexpr mode_t kOwnerBits = 0600;
constexpr const char* kListName = "system.posix_acl_access";

// An access control list as Linux stores it: a version, then entries of a tag, bits and an id.
constexpr std::size_t kListHeader = 4;
constexpr std::size_t kListEntry = 8;
constexpr std::size_t kBitsInEntry = 2;
constexpr std::uint16_t kRead = 4;
constexpr std::uint16_t kExecute = 1;

Bytes list_at(const std::string& path) {
  Bytes list(std::size_t{64} << 10);  // Linux has no longer attributes
  const auto size = ::getxattr(path.c_str(), kListName, list.data(), list.size());
  list.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return list;
}

// Takes from the group what not everybody may do.
mode_t without_group(mode_t mode) {
  return (mode & 0707U) | (mode & ((mode & 07U) << 3U));
}

}  // namespace

std::optional<Access> access_at(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return std::nullopt;
    fail_errno("look at '" + path + "'", path, errno);
  }
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  return Access{.mode = status.st_mode & kAllBits,
                .owner = status.st_uid,
                .group = status.st_gid,
                .list = list_at(path)};
}

Access for_folder(Access access) {
  access.mode |= 0700U | ((access.mode & 0444U) >> 2U);
  for (auto at = kListHeader; at + kListEntry <= access.list.size(); at += kListEntry) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, &access.list[at + kBitsInEntry], sizeof bits);
    if ((bits & kRead) != 0) bits |= kExecute;
    std::memcpy(&access.list[at + kBitsInEntry], &bits, sizeof bits);
  }
  return access;
}

void give(const Access& access, int fd, mode_t needed) noexcept {
  constexpr auto kSameOwner = static_cast<uid_t>(-1);
  mode_t mode = access.mode;
  bool has_list = !access.list.empty();
  if (::fchown(fd, access.owner, access.group) != 0 &&
      ::fchown(fd, kSameOwner, access.group) != 0) {
    struct stat status {};
    if (::fstat(fd, &status) != 0 || status.st_gid != access.group) {
      mode = without_group(mode);
      has_list = false;
    }
  }
  if (has_list && ::fsetxattr(fd, kListName, access.list.data(), access.list.size(), 0) != 0) {
    mode = without_group(mode);  // with a list these are the most that it gives to anybody
    has_list = false;
  }
  // The folder may have given it a list of its own.
  if (!has_list) static_cast<void>(::fremovexattr(fd, kListName));
  // If that fails, only the owner may use it.
  static_cast<void>(::fchmod(fd, mode | needed));
}

void give_finally(const Access& access, int fd) noexcept {
  if ((access.mode & kOwnerBits) == kOwnerBits) return;
  struct stat status {};
  if (::fstat(fd, &status) != 0) return;
  const mode_t others = status.st_mode & kAllBits & ~kOwnerBits;
  static_cast<void>(::fchmod(fd, others | (access.mode & kOwnerBits)));
}

}  // namespace h5dcp
