// Two states for `h5dcp diff`, and what is between them, by hand.

#pragma once

#include <cmath>
#include <complex>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "h5dcp/device_mesh.hpp"
#include "h5dcp/state_dict.hpp"

namespace h5dcp::test {

template <class T>
TensorView tensor_of(DType dtype, const Extents& sizes, const std::vector<T>& elements) {
  const auto view = allocate(dtype, sizes);
  std::memcpy(view.data, elements.data(), elements.size() * sizeof(T));
  return view;
}

// 20 x 30 of 1, the last one 0.001. In B another element and the last one differ. Rows over the
// ranks in A, columns in B.
inline ShardedTensor weights(bool b, int rank, int size) {
  const Extents sizes{20, 30};
  std::vector<float> all(600, 1.0F);
  all[3 * 30 + 4] = b ? 1.5F : 1.0F;
  all[599] = b ? 0.002F : 0.001F;
  const DeviceMesh mesh({size});
  const std::vector<Placement> placed{Shard{b ? std::size_t{1} : std::size_t{0}}};
  const auto whole = tensor_of(DType::float32, sizes, all);
  const auto mine = allocate(DType::float32, local_box(sizes, mesh, placed, rank).sizes);
  copy_elements(narrow(whole, local_box(sizes, mesh, placed, rank)), mine);
  return distribute(mine, sizes, mesh, placed, rank);
}

inline StateDict sample_pair(bool b, int rank, int size) {
  const auto nan = std::numeric_limits<float>::quiet_NaN();
  const auto inf = std::numeric_limits<float>::infinity();
  using Floats = std::vector<float>;
  StateDict state;
  state["same"] = tensor_of(DType::float32, {3}, Floats{nan, inf, 1});
  state["zero"] = tensor_of(DType::float32, {1}, Floats{b ? -0.0F : 0.0F});
  state[b ? "only.b" : "only.a"] = 1;
  state["shape"] = allocate(DType::int8, b ? Extents{3, 2} : Extents{2, 3});
  state["dtype.exact"] = b ? tensor_of<double>(DType::float64, {2}, {1.0, 2.5})
                           : tensor_of(DType::float32, {2}, Floats{1, 2.5});
  state["dtype.rounded"] = b ? tensor_of<double>(DType::float64, {1}, {0.1})
                             : tensor_of(DType::float32, {1}, Floats{0.1F});
  if (b) {
    state["kind"] = 1.5;
  } else {
    state["kind"] = tensor_of<double>(DType::float64, {}, {1.5});
  }
  state["weights"] = weights(b, rank, size);
  state["int64"] = tensor_of<std::int64_t>(DType::int64, {2, 2}, {0, 0, (1LL << 60) + b, -7});
  state["uint64"] = tensor_of<std::uint64_t>(DType::uint64, {1}, {b ? ~std::uint64_t{0} : 0});
  state["far"] = tensor_of<std::int64_t>(
      DType::int64, {1},
      {b ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min()});
  state["lost"] = tensor_of(DType::float32, {3}, Floats{1, b ? nan : 2, b ? 5.0F : 3.0F});
  state["blown"] = tensor_of(DType::float32, {2}, Floats{b ? -inf : 1, 1});
  state["wave"] = tensor_of<std::complex<float>>(DType::complex64, {1}, {{3.0F, b ? 4.0F : 0.0F}});
  state["flag"] = tensor_of<std::uint8_t>(DType::boolean, {2}, {1, std::uint8_t{b}});
  state["values"] = Map{{"text", b ? "two" : "one"},
                        {"nan", List{std::nan(""), "x"}},
                        {"count", b ? 4 : 3},
                        {"list", List{1, b ? 3 : 2}},
                        {"bytes", Bytes(100, b ? 1 : 0)}};
  return state;
}

}  // namespace h5dcp::test
