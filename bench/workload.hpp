// The tensors that are saved and loaded: float32 [rows, columns] each, with content that tells
// every element of every tensor from the others, whichever rank has it.

#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "h5dcp/state_dict.hpp"
#include "h5dcp/tensor.hpp"

namespace bench {

struct Shape {
  std::int64_t tensors = 0;
  std::int64_t rows = 0;             // of the global tensor
  std::int64_t columns = 0;          // of the global tensor
  std::optional<std::size_t> shard;  // the dimension that is cut over all ranks; none: replicas
  std::int64_t divide = 1;           // each rank wants the first of so many parts of its rows
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
  // Calls `use(element, value)` for each element, and what it is at first.
  template <class Elements, class Use>
  void for_each(Elements& elements, const Use& use) const;

  Shape shape_;
  h5dcp::Box mine_;  // of each tensor
  std::vector<std::uint32_t> elements_;
  h5dcp::StateDict state_;
};

}  // namespace bench
