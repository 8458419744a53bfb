// The parts of tensors that lie in data files, beside the checkpoint: docs/format.md, "Data files".

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "h5dcp/box.hpp"
#include "h5dcp/files.hpp"

namespace h5dcp {

// A contiguous, row-major piece of a file: what is stored of an entry, or a box of it.
struct DataPart {
  std::uint32_t file = 0;     // number of a data file; 0: the checkpoint itself
  std::uint64_t address = 0;  // of its first element there
  Box box = {};               // in the tensor

  bool operator==(const DataPart&) const = default;
};

// Throws Error{invalid_argument} if there is no such number of files or ranks.
void check_files(const Files& files);

// "step_100.h5.0123456789abcdef.data" for the checkpoint "step_100.h5" of that generation.
std::string data_folder_name(const std::string& checkpoint, std::uint64_t generation);

// The generation in the name of a folder of data files of the checkpoint `checkpoint`; nullopt if
// `name` has not exactly that form.
std::optional<std::uint64_t> generation_in_data_folder(const std::string& name,
                                                       const std::string& checkpoint);

// The generation that `digits` are: 16 hexadecimal ones, in lower case. nullopt if they are not.
std::optional<std::uint64_t> generation_named(std::string_view digits);

// "3.h5" of data file 3, in that folder.
std::string data_file_name(std::uint32_t number);

// The number in the name of a data file; nullopt if `name` has not exactly that form.
std::optional<std::uint32_t> number_of_data_file(const std::string& name);

// Whether `name` is that of a folder in the checkpoint's own: no path, not "..".
bool is_folder_name(const std::string& name);

// A name as a virtual dataset has it: to HDF5 "%b" stands for a number there, and "%%" for "%".
std::string source_name(const std::string& name);

// How a tensor is cut into parts.
struct Cut {
  std::vector<DataPart> parts;        // files from 1 on; without addresses
  std::vector<std::uint32_t> of_box;  // which part box i lies in
};

// `groups[i]`, from 0 on, has box i; the boxes are disjoint. Those of a group are one part if
// together they are a box, else a part each.
Cut cut_by_groups(const std::vector<Box>& boxes, const std::vector<std::uint32_t>& groups);

// Gives things of so many bytes, in this order, to `files` data files, each to the one that has
// least. Returns their numbers, from 1 on.
std::vector<std::uint32_t> share_out_bytes(const std::vector<std::uint64_t>& nbytes,
                                           std::uint32_t files);

// As numbers of the table `shapes`: how many, then of each its file, address, offsets and sizes.
std::vector<std::int64_t> encode_parts(const std::vector<DataPart>& parts);

// How many numbers one part takes.
constexpr std::size_t numbers_of_part(std::size_t dims) {
  return 2 + 2 * dims;
}

// One part, from so many numbers. Throws Error{corrupt} if no data file has such a number.
DataPart decode_part(std::span<const std::int64_t> numbers);

}  // namespace h5dcp
