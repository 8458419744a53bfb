// What becomes of a tensor's elements on their way to the file: HDF5's filters, which every reader
// of HDF5 undoes.

#pragma once

#include <cstdint>
#include <string>

namespace h5dcp {

// The numbers are part of the file format.
enum class Compression : std::uint8_t {
  none = 0,
  deflate = 1,  // zlib's, as every HDF5 has it
  zstd = 2,     // HDF5's filter 32015: other programs need its plugin to read the tensor
};

struct Filters {
  Compression compression = Compression::none;
  int level = 1;         // deflate: 0 to 9; zstd: 1 to 22
  bool shuffle = false;  // first the lowest bytes of all elements, then the next ones ...

  // Whether there is anything to be done.
  bool any() const { return shuffle || compression != Compression::none; }

  bool operator==(const Filters&) const = default;
};

// "shuffle, deflate 1"; "none".
std::string to_string(const Filters& filters);

}  // namespace h5dcp
