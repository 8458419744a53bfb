#include "h5dcp/tensor.hpp"

#include <cstdlib>
#include <new>
#include <utility>

#include "base/whole_box.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

Extents row_major(const Extents& sizes) {
  Extents strides = sizes;
  std::int64_t stride = 1;
  for (std::size_t d = sizes.size(); d-- > 0;) {
    strides[d] = stride;
    // Without elements nothing is ever found by these strides, so they may be anything but
    // overflow.
    if (sizes[d] > 0 && __builtin_mul_overflow(stride, sizes[d], &stride)) stride = 1;
  }
  return strides;
}

}  // namespace

TensorView contiguous_view(void* data, DType dtype, const Extents& sizes,
                           std::shared_ptr<const void> keepalive) {
  return {data, dtype, sizes, row_major(sizes), std::move(keepalive)};
}

TensorView allocate(DType dtype, const Extents& sizes) {
  const auto bytes = static_cast<std::size_t>(nbytes(dtype, sizes));
  if (bytes == 0) return contiguous_view(nullptr, dtype, sizes);
  // Unlike new[], calloc gets large memory zeroed from the kernel, page by page as it is used.
  std::shared_ptr<void> memory(std::calloc(bytes, 1), std::free);
  if (memory == nullptr) throw std::bad_alloc();
  void* const data = memory.get();
  return contiguous_view(data, dtype, sizes, std::move(memory));
}

bool is_contiguous(const TensorView& view) {
  if (numel(view.sizes) <= 1) return true;
  std::int64_t expected = 1;
  for (std::size_t d = view.sizes.size(); d-- > 0;) {
    if (view.sizes[d] == 1) continue;  // its stride leads nowhere
    if (view.strides[d] != expected) return false;
    expected *= view.sizes[d];
  }
  return true;
}

TensorView narrow(const TensorView& view, const Box& box) {
  const Box whole = whole_box(view.sizes);
  if (box.dims() != whole.dims() || !contains(whole, box)) {
    throw Error(ErrorCode::invalid_argument, "narrow a view of sizes " + to_string(view.sizes) +
                                                 " to " + to_string(box) +
                                                 ": the box is not inside");
  }
  TensorView part = view;
  part.sizes = box.sizes;
  if (numel(box.sizes) == 0) return part;  // the end of the memory is no place to point to
  std::int64_t elements = 0;
  for (std::size_t d = 0; d < box.dims(); ++d) elements += box.offsets[d] * view.strides[d];
  part.data = static_cast<std::byte*>(view.data) +
              elements * static_cast<std::int64_t>(itemsize(view.dtype));
  return part;
}

}  // namespace h5dcp
