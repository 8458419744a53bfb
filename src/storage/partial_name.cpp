#include "storage/partial_name.hpp"

#include <fmt/format.h>

#include <string>
#include <system_error>

#include "h5dcp/error.hpp"
#include "storage/folder.hpp"

namespace h5dcp {
namespace {

constexpr std::size_t kHexDigits = 16;

}  // namespace

std::filesystem::path partial_name(const std::filesystem::path& path, std::uint64_t generation) {
  return folder_of(path) / fmt::format(".{}.{:016x}.partial", path.filename().string(), generation);
}

void refuse_existing(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return;
  throw Error(ErrorCode::invalid_argument,
              "'" + path.string() + "' exists (Overwrite::replace would replace it)");
}

void remove_stale(const std::filesystem::path& path, std::chrono::nanoseconds age) {
  const auto begin = "." + path.filename().string() + ".";
  const std::string end = ".partial";
  const auto now = std::filesystem::file_time_type::clock::now();
  std::error_code ignored;  // somebody else may remove or rename files here
  for (const auto& entry : std::filesystem::directory_iterator(folder_of(path), ignored)) {
    const auto name = entry.path().filename().string();
    if (name.size() != begin.size() + kHexDigits + end.size()) continue;
    if (!name.starts_with(begin) || !name.ends_with(end)) continue;
    const auto written = entry.last_write_time(ignored);
    if (!ignored && now - written > age) std::filesystem::remove(entry.path(), ignored);
  }
}

}  // namespace h5dcp
