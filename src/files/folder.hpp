// Folders that survive a crash.

#pragma once

#include <filesystem>

namespace h5dcp {

// The folder that `file` is in; "." if it names none.
std::filesystem::path folder_of(const std::filesystem::path& file);

// Makes `folder` and those above it that are missing, and brings each to the disk.
//
// Throws Error{io}.
void make_folder(const std::filesystem::path& folder);

// What files `folder` holds is on the disk: fsync. Throws Error{io}.
void sync_folder(const std::filesystem::path& folder);

}  // namespace h5dcp
