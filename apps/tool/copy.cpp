#include "h5dcp/copy_checkpoint.hpp"

#include <filesystem>
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

h5dcp::Overwrite overwrite_of(const CopyOptions& options) {
  return options.force ? h5dcp::Overwrite::replace : h5dcp::Overwrite::refuse;
}

}  // namespace

int copy(const CopyOptions& options) {
  h5dcp::copy_checkpoint(options.from, target_of(options), overwrite_of(options));
  return kFine;
}

int move(const CopyOptions& options) {
  h5dcp::move_checkpoint(options.from, target_of(options), overwrite_of(options));
  return kFine;
}

}  // namespace tool
