#include "commit/publish.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <system_error>

#include "base/context.hpp"
#include "files/folder.hpp"
#include "files/new_name.hpp"
#include "files/partial_name.hpp"
#include "files/system_call.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

// What became of a rename that reported an error: some file systems do so for one that took place.
enum class Outcome : std::uint8_t { took_place, did_not, unknown };

// Whether `file` has the name `path`; nullopt if nobody can tell.
std::optional<bool> has_name(const PosixFile& file, const std::string& path) {
  try {
    const auto named = status_at(path);
    return named && FileId(*named) == FileId(file.status());
  } catch (const Error&) {
    return std::nullopt;
  }
}

Outcome outcome_of(const std::string& from, const std::string& to, const PosixFile& file) {
  const auto has_new = has_name(file, to);
  if (has_new == true) return Outcome::took_place;
  // Without either name, it may have been replaced already by another job.
  const bool is_as_before = has_new == false && has_name(file, from) == true;
  return is_as_before ? Outcome::did_not : Outcome::unknown;
}

// Returns 0 or what errno says.
int rename_over(const std::string& from, const std::string& to) {
  return error_of([&] { return ::rename(from.c_str(), to.c_str()); });
}

// Removes the name `from` once `to` is on the disk: else a power cut could leave neither. A name
// that stays does no harm, and settle_name() tells why the folder cannot be synced.
void remove_second_name(const std::string& from, const std::string& to, const PosixFile& file) {
  try {
    sync_folder(folder_of(to));
  } catch (const Error&) {
    return;
  }
  Removal::of_name(from, FileId(file.status())).carry_out();  // or a later save does
}

// The same if there is nothing at `to`.
//
// Throws Error{unsupported} if the file system offers no way.
int rename_to_new(const std::string& from, const std::string& to, const PosixFile& file) {
  const auto renamed = give_new_name(from, to);
  if (renamed.is_second && (renamed.error == 0 || has_name(file, to) == true)) {
    remove_second_name(from, to, file);
    return 0;
  }
  if (renamed.is_not_offered()) throw cannot_refuse(to);
  return renamed.error;
}

struct Renamed {
  Outcome outcome = Outcome::took_place;
  int error = 0;
};

Renamed rename_file(const std::string& from, const std::string& to, const PosixFile& file,
                    Overwrite overwrite) {
  const int error =
      overwrite == Overwrite::refuse ? rename_to_new(from, to, file) : rename_over(from, to);
  return {error == 0 ? Outcome::took_place : outcome_of(from, to, file), error};
}

// Unless it took place.
void throw_failed(const Renamed& renamed, const std::string& from, const std::string& to) {
  if (renamed.outcome == Outcome::took_place) return;
  if (renamed.outcome == Outcome::did_not && renamed.error == EEXIST) throw exists_already(to);
  const std::string what = "rename '" + from + "' to '" + to + "'";
  if (renamed.outcome == Outcome::did_not) fail_errno(what, to, renamed.error);
  throw Error(
      ErrorCode::io,
      what + ": " + std::generic_category().message(renamed.error) +
          ". Whether it took place is unknown, so nothing was removed: look which of the two is "
          "there, and load or verify it");
}

}  // namespace

void take_name(Unfinished& made, const std::string& path, Overwrite overwrite) {
  const auto renamed = rename_file(made.path(), path, made.file(), overwrite);
  if (renamed.outcome != Outcome::did_not) made.keep();
  throw_failed(renamed, made.path(), path);
}

void move_name(const std::string& from, const std::string& path, const PosixFile& file,
               Overwrite overwrite) {
  throw_failed(rename_file(from, path, file, overwrite), from, path);
}

void settle_name(const std::string& path, Removal replaced) {
  with_context("'" + path + "' is the new checkpoint, but may not survive a crash",
               [&] { sync_folder(folder_of(path)); });
  replaced.carry_out();  // a later save removes what is left
}

}  // namespace h5dcp
