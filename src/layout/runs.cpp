#include "layout/runs.hpp"

namespace h5dcp {

void for_each_run(const Extents& sizes, const Box& box, std::size_t itemsize,
                  const std::function<void(std::uint64_t, std::uint64_t)>& run) {
  if (numel(box.sizes) == 0) return;
  // Dimensions from `whole` on are covered entirely: a run is some rows of the one before them.
  std::size_t whole = box.dims();
  while (whole > 0 && box.sizes[whole - 1] == sizes[whole - 1]) --whole;
  const std::size_t outer = whole == 0 ? 0 : whole - 1;

  std::uint64_t run_bytes = itemsize;
  for (std::size_t d = outer; d < box.dims(); ++d) {
    run_bytes *= static_cast<std::uint64_t>(box.sizes[d]);
  }
  Extents stride_bytes = sizes;  // from one index to the next
  auto bytes = static_cast<std::int64_t>(itemsize);
  std::int64_t offset = 0;
  for (std::size_t next = box.dims(); next > 0; --next) {
    stride_bytes[next - 1] = bytes;
    offset += box.offsets[next - 1] * bytes;
    bytes *= sizes[next - 1];
  }

  Extents index = box.sizes;
  for (auto& i : index) i = 0;
  for (;;) {
    run(static_cast<std::uint64_t>(offset), run_bytes);
    std::size_t d = outer;
    for (; d > 0; --d) {
      offset += stride_bytes[d - 1];
      if (++index[d - 1] < box.sizes[d - 1]) break;
      offset -= index[d - 1] * stride_bytes[d - 1];
      index[d - 1] = 0;
    }
    if (d == 0) return;
  }
}

}  // namespace h5dcp
