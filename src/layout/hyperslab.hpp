// A box of a tensor as HDF5 wants to hear it: the arguments of H5Sselect_hyperslab.

#pragma once

#include <vector>

#include "h5dcp/box.hpp"

namespace h5dcp {

// In dimension d, elements start + i * stride + j for i < count and j < block. One number a
// dimension, of the type that HDF5 calls hsize_t.
struct Hyperslab {
  std::vector<unsigned long long> start;
  std::vector<unsigned long long> stride;
  std::vector<unsigned long long> count;
  std::vector<unsigned long long> block;
};

// The box, as one block a dimension: HDF5 then has one region to walk and MPI-IO one subarray.
Hyperslab hyperslab_of(const Box& box);

}  // namespace h5dcp
