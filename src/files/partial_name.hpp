// The names of files that are being written, beside the checkpoint that they will be.

#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "h5dcp/error.hpp"

namespace h5dcp {

// "dir/.step_100.h5.0123456789abcdef.partial" for "dir/step_100.h5".
std::filesystem::path partial_name(const std::filesystem::path& path, std::uint64_t generation);

// Throws Error{invalid_argument} if there is something at `path`, Error{io} if nobody can tell.
void refuse_existing(const std::filesystem::path& path);

// The error of refuse_existing.
Error exists_already(const std::filesystem::path& path);

// Removes what saves to `path` left behind when they were killed: unfinished files that nobody has
// written to for `age`. Returns which.
std::vector<std::filesystem::path> remove_stale(const std::filesystem::path& path,
                                                std::chrono::nanoseconds age);

}  // namespace h5dcp
