#include "h5dcp/copy_checkpoint.hpp"

#include <filesystem>
#include <stdexcept>
#include <string>

#include "verbs.hpp"

namespace tool {
namespace {

// In a folder it keeps its name.
std::string target_of(const CopyOptions& options) {
  std::error_code unknown;
  const std::filesystem::path to(options.to);
  if (!std::filesystem::is_directory(to, unknown)) return options.to;
  return (to / std::filesystem::path(options.from).filename()).string();
}

// Throws if there is something at `to` and no -f says that it may be replaced.
h5dcp::Overwrite overwrite_of(const CopyOptions& options, const std::string& to) {
  if (options.force) return h5dcp::Overwrite::replace;
  std::error_code unknown;
  if (std::filesystem::exists(std::filesystem::symlink_status(to, unknown))) {
    throw std::runtime_error(to + " exists; use -f to replace it");
  }
  return h5dcp::Overwrite::refuse;  // something may still come meanwhile
}

}  // namespace

int copy(const CopyOptions& options) {
  const auto to = target_of(options);
  h5dcp::copy_checkpoint(options.from, to, overwrite_of(options, to));
  return kFine;
}

int move(const CopyOptions& options) {
  const auto to = target_of(options);
  h5dcp::move_checkpoint(options.from, to, overwrite_of(options, to));
  return kFine;
}

}  // namespace tool
