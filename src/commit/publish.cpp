#include "commit/publish.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "base/context.hpp"
#include "files/folder.hpp"
#include "files/new_name.hpp"
#include "files/partial_name.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

// Whether the file under `path` is the one that `file` has open: some file systems report an error
// for a rename that took place.
bool is_file(const std::string& path, const PosixFile& file) {
  struct stat named {};
  struct stat open {};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(file.get(), &open) == 0 &&
         named.st_ino == open.st_ino && named.st_dev == open.st_dev;
}

[[noreturn]] void fail_rename(const std::string& from, const std::string& to, int error) {
  fail_errno("rename '" + from + "' to '" + to + "'", to, error);
}

// What `call` leaves in errno, once it is not interrupted; 0 if it succeeds.
template <class Call>
int error_of(const Call& call) {
  while (call() != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

void rename_over(const std::string& from, const std::string& to, const PosixFile& file) {
  const int error = error_of([&] { return ::rename(from.c_str(), to.c_str()); });
  if (error != 0 && !is_file(to, file)) fail_rename(from, to, error);
}

// Removes the name `from` once `to` is on the disk: else a power cut could leave neither. A name
// that stays does no harm, and settle_name() tells why the folder cannot be synced.
void remove_second_name(const std::string& from, const std::string& to) {
  try {
    sync_folder(folder_of(to));
  } catch (const Error&) {
    return;
  }
  error_of([&] { return ::unlink(from.c_str()); });  // or a later save does
}

void rename_to_new(const std::string& from, const std::string& to, const PosixFile& file) {
  const auto renamed = give_new_name(from, to);
  if (renamed.error == 0 || is_file(to, file)) {
    if (renamed.is_second) remove_second_name(from, to);
    return;
  }
  if (renamed.error == EEXIST) throw exists_already(to);  // it came while we saved
  if (renamed.is_not_offered()) throw cannot_refuse(to);
  fail_rename(from, to, renamed.error);
}

}  // namespace

void take_name(const std::string& partial, const std::string& path, const PosixFile& file,
               Overwrite overwrite) {
  if (overwrite == Overwrite::refuse) {
    rename_to_new(partial, path, file);
  } else {
    rename_over(partial, path, file);
  }
}

void settle_name(const std::string& path, const std::string& replaced) {
  with_context("'" + path + "' is the new checkpoint, but may not survive a crash",
               [&] { sync_folder(folder_of(path)); });
  std::error_code ignored;  // a later save removes what is left
  if (!replaced.empty()) std::filesystem::remove_all(replaced, ignored);
}

}  // namespace h5dcp
