// The file that a save writes, before it has its name: how the coordinator comes to one, and how
// the other ranks know that they have the same.

#pragma once

#include <cstdint>
#include <string>

#include "files/checkpoint_files.hpp"
#include "files/new_file.hpp"
#include "files/unfinished.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/hdf5.hpp"
#include "layout/record.hpp"

namespace h5dcp {

// Makes the folder of the checkpoint `path`, where it is missing, and brings what it holds, and its
// own name, to the disk: what is found there may be relied on, and what nothing there leads to may
// be removed. `generation` is that of the unfinished file, which is not there yet.
//
// Throws Error{invalid_argument} if the checkpoint exists and may not be replaced,
// Error{unsupported} if the file system cannot refuse to replace one; Error{io}.
void prepare_folder(const std::string& path, Overwrite overwrite, std::uint64_t generation);

// On the coordinator: makes the folder and the new file, and removes what killed saves left.
//
// Throws as prepare_folder().
Unfinished make_unfinished(const Comm& comm, const std::string& path, Overwrite overwrite,
                           std::uint64_t generation, const FilePlacement& placement);

// How the files of a save to `path` are made: as accessible as what they replace. What cannot be
// done is logged, once. Throws Error{io} if what is there cannot be looked at.
FilePlacement placement_of(const Comm& comm, const std::string& path, const Hdf5Options& options);

// On the coordinator: the name of the folder of data files that belongs to it, checked.
//
// Throws Error{invalid_argument} if it is too long.
std::string new_data_folder(const std::string& path, std::uint64_t generation);

// Opens the file that the coordinator made, and makes sure that it is that file and not one of the
// same name on another machine. Its data files are opened as they are needed.
//
// Throws Error{io}, Error{not_found}.
CheckpointFiles open_partial(const std::string& path, const Record& record, int coordinator);

}  // namespace h5dcp
