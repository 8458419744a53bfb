#include "layout/runs.hpp"

namespace h5dcp {

RunWalk::RunWalk(const Extents& sizes, const Box& box, std::size_t itemsize) {
  at_end_ = numel(box.sizes) == 0;
  if (at_end_) return;
  // Dimensions from `whole` on are covered entirely: a run is some rows of the one before them.
  std::size_t whole = box.dims();
  while (whole > 0 && box.sizes[whole - 1] == sizes[whole - 1]) --whole;
  outer_ = whole == 0 ? 0 : whole - 1;

  run_bytes_ = itemsize;
  for (std::size_t d = outer_; d < box.dims(); ++d) {
    run_bytes_ *= static_cast<std::uint64_t>(box.sizes[d]);
  }
  if (outer_ > 0) {
    counts_ = box.sizes;
    index_ = box.sizes;
    stride_bytes_ = sizes;
    for (auto& i : index_) i = 0;
  }
  auto bytes = static_cast<std::int64_t>(itemsize);
  for (std::size_t next = box.dims(); next > 0; --next) {
    if (outer_ > 0) stride_bytes_[next - 1] = bytes;
    offset_ += box.offsets[next - 1] * bytes;
    bytes *= sizes[next - 1];
  }
}

void RunWalk::next() {
  for (std::size_t d = outer_; d > 0; --d) {
    offset_ += stride_bytes_[d - 1];
    if (++index_[d - 1] < counts_[d - 1]) return;
    offset_ -= index_[d - 1] * stride_bytes_[d - 1];
    index_[d - 1] = 0;
  }
  at_end_ = true;
}

void for_each_run(const Extents& sizes, const Box& box, std::size_t itemsize,
                  const std::function<void(std::uint64_t, std::uint64_t)>& run) {
  for (RunWalk walk(sizes, box, itemsize); !walk.at_end(); walk.next()) {
    run(walk.offset(), walk.nbytes());
  }
}

}  // namespace h5dcp
