// The names of files that are being written, beside the checkpoint that they will be.

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "h5dcp/error.hpp"

namespace h5dcp {

// "dir/.step_100.h5.0123456789abcdef.partial" for "dir/step_100.h5".
std::filesystem::path partial_name(const std::filesystem::path& path, std::uint64_t generation);

// Throws Error{invalid_argument} if there is something at `path`, Error{io} if nobody can tell.
void refuse_existing(const std::filesystem::path& path);

// The error of refuse_existing.
Error exists_already(const std::filesystem::path& path);

// The generation in the name of an unfinished file of the checkpoint `path`; nullopt if `name` has
// not exactly that form. What Open MPI makes beside it for a moment has its name and ".locktest.0"
// or the like, and counts if `is_of_mpi`.
std::optional<std::uint64_t> generation_in_partial(const std::string& name,
                                                   const std::filesystem::path& path,
                                                   bool is_of_mpi);

}  // namespace h5dcp
