#include "files/partial_name.hpp"

#include <fmt/format.h>

#include <string>
#include <system_error>

#include "files/folder.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

constexpr std::size_t kHexDigits = 16;

[[noreturn]] void fail(const std::string& action, const std::error_code& error) {
  throw Error(ErrorCode::io, action + ": " + error.message());
}

// Of what has this name, be it a link; of nothing if there is nothing.
std::filesystem::file_status status_of(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::symlink_status(path, error);
  if (status.type() == std::filesystem::file_type::none) {
    fail("look at '" + path.string() + "'", error);
  }
  return status;
}

}  // namespace

std::filesystem::path partial_name(const std::filesystem::path& path, std::uint64_t generation) {
  return folder_of(path) / fmt::format(".{}.{:016x}.partial", path.filename().string(), generation);
}

void refuse_existing(const std::filesystem::path& path) {
  if (std::filesystem::exists(status_of(path))) throw exists_already(path);
}

Error exists_already(const std::filesystem::path& path) {
  return {ErrorCode::invalid_argument,
          "'" + path.string() + "' exists (Overwrite::replace would replace it)"};
}

std::vector<std::filesystem::path> remove_stale(const std::filesystem::path& path,
                                                std::chrono::nanoseconds age) {
  std::vector<std::filesystem::path> removed;
  const auto begin = "." + path.filename().string() + ".";
  const std::string end = ".partial";
  const auto now = std::filesystem::file_time_type::clock::now();
  std::error_code ignored;  // somebody else may remove or rename files here
  using Entries = std::filesystem::directory_iterator;
  for (Entries at(folder_of(path), ignored); !ignored && at != Entries(); at.increment(ignored)) {
    const auto name = at->path().filename().string();
    if (!name.starts_with(begin) || name.size() < begin.size() + kHexDigits) continue;
    // Open MPI makes files beside the one that it opens: "<name>.locktest.0".
    const auto rest = name.substr(begin.size() + kHexDigits);
    if (rest != end && !rest.starts_with(end + ".")) continue;
    std::error_code unknown;
    const auto written = at->last_write_time(unknown);
    if (unknown || now - written <= age) continue;
    if (std::filesystem::remove(at->path(), unknown)) removed.push_back(at->path());
  }
  return removed;
}

}  // namespace h5dcp
