// The tensors that are saved and loaded: float32 [rows, columns] each, cut over all ranks along one
// dimension, with content that tells every element of every tensor from the others.

#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "h5dcp/state_dict.hpp"
#include "h5dcp/tensor.hpp"

namespace bench {

struct Shape {
  std::int64_t tensors = 0;
  std::int64_t rows = 0;     // of the global tensor
  std::int64_t columns = 0;  // of the global tensor
  std::size_t shard = 0;     // the dimension that is cut
};

class Workload {
 public:
  Workload(const Shape& shape, MPI_Comm comm);

  h5dcp::StateDict& state() { return state_; }

  // This rank's part of each tensor. They lie one behind the other in buffer().
  std::vector<std::span<std::byte>> tensors();
  std::span<std::byte> buffer();

  // Zeroes the tensors.
  void clear();

  // Throws std::runtime_error unless every element is what it was at first.
  void check() const;

 private:
  std::vector<std::uint32_t> elements_;
  std::size_t elements_of_tensor_ = 0;  // of this rank's part
  std::uint32_t first_ = 0;             // content of the first element
  h5dcp::StateDict state_;
};

}  // namespace bench
