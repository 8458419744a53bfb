// The data files of a checkpoint, as the coordinator makes them.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "files/file_pool.hpp"
#include "layout/record.hpp"
#include "skeleton/skeleton.hpp"

namespace h5dcp {

// Gives a data file to each part that has none, file 0, of `entries`: to the one of `files` that
// has least.
void choose_files(std::vector<SkeletonEntry>& entries, std::uint32_t files);

// The largest number of a data file in `entries`; 0 if there is none. Throws Error{unsupported} if
// no checkpoint has so many.
std::uint32_t count_data_files(const std::vector<SkeletonEntry>& entries);

// Names the dataset of each part: SkeletonEntry::sources. It has the name of its tensor by the
// rules for names in that file alone; with several parts of a tensor in one file each has its box
// behind it: "/state/model/w/0:4,8:16".
void name_sources(std::vector<SkeletonEntry>& entries);

// Makes the `whole.data_files` data files, in `folder`, which is there, with a dataset for each
// part of `entries`, and fills in addresses and sources. They are then in `made`, whose sync()
// brings them to the disk.
//
// Throws Error{io}.
void make_data_files(const std::string& folder, std::vector<SkeletonEntry>& entries,
                     const Record& whole, FilePool& made, const FilePlacement& placement = {});

}  // namespace h5dcp
