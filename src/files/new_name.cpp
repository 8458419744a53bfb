#include "files/new_name.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "files/partial_name.hpp"
#include "files/posix_file.hpp"
#include "files/random_id.hpp"
#include "files/removal.hpp"
#include "files/system_call.hpp"

namespace h5dcp {
namespace {

// Whether a file system answers so because it does not offer the call.
bool is_unknown_call(int error) {
  return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP;
}

}  // namespace

bool NewName::is_not_offered() const {
  return is_second && (error == EPERM || is_unknown_call(error));
}

NewName give_new_name(const std::string& from, const std::string& to) {
  const int error = error_of(
      [&] { return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE); });
  if (!is_unknown_call(error)) return {error, false};
  return {error_of([&] { return ::link(from.c_str(), to.c_str()); }), true};
}

Error cannot_refuse(const std::filesystem::path& path) {
  return {ErrorCode::unsupported,
          "the file system of '" + path.string() +
              "' offers neither RENAME_NOREPLACE nor links, so a file that appears there meanwhile "
              "would be replaced; choose Overwrite::replace (h5dcp cp and mv: -f) or another file "
              "system"};
}

void check_new_name(const std::filesystem::path& path, std::uint64_t generation) {
  const auto from = partial_name(path, generation).string();
  const auto to = partial_name(path, random_id()).string();
  const PosixFile empty(from, PosixFile::Mode::create);
  const auto renamed = give_new_name(from, to);
  const FileId file(empty.status());
  Removal::of_name(from, file).carry_out();  // whichever of them it has
  Removal::of_name(to, file).carry_out();
  if (renamed.is_not_offered()) throw cannot_refuse(path);
  if (renamed.error != 0) {
    fail_errno("rename '" + from + "' to '" + to + "'", from, renamed.error);
  }
}

}  // namespace h5dcp
