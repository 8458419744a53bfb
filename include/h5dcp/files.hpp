// Into which files a checkpoint goes.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace h5dcp {

// All ways but `one` have data files beside the checkpoint, in a folder "<checkpoint>.<16
// digits>.data", which belongs to it: move and copy both, or use `h5dcp mv` and `h5dcp cp`. Tensors
// of less than 4 KiB and values stay in the checkpoint itself.
struct Files {
  enum class Way : std::uint8_t {
    one,        // everything in one file
    number,     // tensors whole in so many data files, about equally many bytes in each
    per_node,   // a data file for what the ranks of each node write
    per_ranks,  // a data file for what each so many ranks write: 0 to count - 1, ...
  };

  Way way = Way::one;
  int count = 0;  // data files, or ranks; 1 to 65536

  static Files number(int files) { return {Way::number, files}; }
  static Files per_node() { return {Way::per_node, 0}; }
  static Files per_ranks(int ranks) { return {Way::per_ranks, ranks}; }

  bool operator==(const Files&) const = default;
};

// "one", "number 4", "per node", "per 8 ranks", and the inverse; nullopt for a name that is none.
std::string to_string(const Files& files);
std::optional<Files> files_named(const std::string& name);

}  // namespace h5dcp
