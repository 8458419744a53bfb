// Folders that survive a crash.

#pragma once

#include <filesystem>

namespace h5dcp {

// The folder that `file` is in; "." if it names none. Those of "." and "/" are these themselves.
std::filesystem::path folder_of(const std::filesystem::path& file);

// Returns `folder` if it is there, else the nearest above it that is. What cannot be looked at (for
// want of permission, or as a stale file handle) counts as there.
std::filesystem::path nearest_folder(const std::filesystem::path& folder);

// Makes `folder` and those above it that are missing, and brings the entry of each that it made to
// the disk.
//
// Throws Error{io}.
void make_folder(const std::filesystem::path& folder);

// Brings the entries of `folder` to the disk: fsync, or syncfs where the file system does not offer
// fsync of a folder.
//
// Throws Error{io}, Error{not_found}.
void sync_folder(const std::filesystem::path& folder);

// Brings to the disk the entry of `folder`, which is there, in the folder above it, the entry of
// that one, and so on, up to the first that is older than the job: one in whose folder nothing was
// made since an hour before the program began. Stops at the root of a file system, and at a folder
// in which the program may make nothing.
//
// Throws Error{io}, Error{not_found}.
void sync_entries_above(const std::filesystem::path& folder);

}  // namespace h5dcp
