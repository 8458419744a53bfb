// What the global heap has of a virtual dataset: which datasets of other files its elements are.
// "VII.B" of the specification; selections are as in "VII.A".

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace h5dcp::hdf5_format {

// All elements of a dataset of another file are a box of the virtual one.
struct VirtualSource {
  std::string_view file;                       // as HDF5 wants it: with "%%" for "%"
  std::string_view dataset;                    // the same
  std::span<const std::int64_t> offsets = {};  // of the box; none: all of the virtual dataset
  std::span<const std::int64_t> sizes = {};
};

// Whether boxes can be written: they end below 2^32.
bool fits(std::span<const VirtualSource> sources);

// The object in the heap. The sources fit.
std::vector<std::uint8_t> virtual_mapping(std::span<const VirtualSource> sources);

}  // namespace h5dcp::hdf5_format
