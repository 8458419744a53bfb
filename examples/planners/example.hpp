// What the examples have in common. Each is a function that saves and loads on all ranks, checks
// what came of it, and throws if that is wrong.

#pragma once

#include <h5dcp/state_dict.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace example {

void rename_keys(int rank, int ranks);       // rename.cpp
void cast_to_bfloat16(int rank, int ranks);  // cast.cpp
void skip_frozen(int rank, int ranks);       // frozen.cpp
void load_some_keys(int rank, int ranks);    // some_keys.cpp
void plan_for_all(int rank, int ranks);      // all_plans.cpp

inline void check(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error("this is wrong: " + what);
}

// A matrix of four columns of which each rank has two rows, and every element is `value`.
struct Rows {
  std::vector<float> elements;
  h5dcp::ShardedTensor tensor;

  Rows(float value, int rank, int ranks)
      : elements(8, value),
        tensor{h5dcp::dtype_of<float>(),
               {2 * ranks, 4},
               {{{{2 * rank, 0}, {2, 4}}, h5dcp::contiguous_view(elements.data(), {2, 4})}}} {}
  Rows(const Rows&) = delete;  // the tensor is a view of the elements
  Rows& operator=(const Rows&) = delete;
  ~Rows() = default;

  bool all(float value) const { return elements == std::vector<float>(8, value); }
};

}  // namespace example
