#include "h5dcp/dlpack.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/context.hpp"
#include "base/dlpack_abi.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

using dlpack::Code;

constexpr const char* kImporting = "view a DLPack array";
constexpr const char* kExporting = "export a view to DLPack";

struct TypeRow {
  DType dtype;
  Code code;
};

constexpr TypeRow kTypes[] = {
    {DType::float32, Code::floating_point},
    {DType::float64, Code::floating_point},
    {DType::bfloat16, Code::bfloat},
    {DType::int64, Code::signed_integer},
    {DType::float16, Code::floating_point},
    {DType::float8_e5m2, Code::float8_e5m2},
    {DType::float8_e4m3fn, Code::float8_e4m3fn},
    {DType::float8_e5m2fnuz, Code::float8_e5m2fnuz},
    {DType::float8_e4m3fnuz, Code::float8_e4m3fnuz},
    {DType::float8_e8m0fnu, Code::float8_e8m0fnu},
    {DType::int8, Code::signed_integer},
    {DType::int16, Code::signed_integer},
    {DType::int32, Code::signed_integer},
    {DType::uint8, Code::unsigned_integer},
    {DType::uint16, Code::unsigned_integer},
    {DType::uint32, Code::unsigned_integer},
    {DType::uint64, Code::unsigned_integer},
    {DType::boolean, Code::boolean},
    {DType::complex32, Code::complex},
    {DType::complex64, Code::complex},
    {DType::complex128, Code::complex},
};
static_assert(std::size(kTypes) == kDTypes);

dlpack::DataType data_type(const TypeRow& row) {
  return {row.code, static_cast<std::uint8_t>(8 * itemsize(row.dtype)), 1};
}

DType dtype_of(const dlpack::DataType& type) {
  for (const auto& row : kTypes) {
    if (data_type(row) == type) return row.dtype;
  }
  throw Error(ErrorCode::unsupported, "no DType for elements of type code " +
                                          std::to_string(static_cast<int>(type.code)) + ", " +
                                          std::to_string(type.bits) + " bits, " +
                                          std::to_string(type.lanes) + " lanes");
}

dlpack::DataType data_type_of(DType dtype) {
  for (const auto& row : kTypes) {
    if (row.dtype == dtype) return data_type(row);
  }
  throw Error(ErrorCode::invalid_argument,
              "DType " + std::to_string(static_cast<int>(dtype)) + " does not exist");
}

std::string device_name(std::int32_t type) {
  constexpr std::pair<std::int32_t, const char*> kNames[] = {
      {2, "CUDA"},  {3, "CUDA host"},  {4, "OpenCL"},        {7, "Vulkan"},  {8, "Metal"},
      {10, "ROCm"}, {11, "ROCm host"}, {13, "CUDA managed"}, {14, "oneAPI"}, {15, "WebGPU"},
  };
  for (const auto& [number, name] : kNames) {
    if (number == type) return std::string(name) + " device ";
  }
  return "a device of type " + std::to_string(type) + ", number ";
}

// The view without keepalive. Throws as from_dlpack does.
TensorView unowned_view(const dlpack::Tensor& tensor) {
  if (tensor.device_type != dlpack::kCpu) {
    throw Error(ErrorCode::unsupported, "it is on " + device_name(tensor.device_type) +
                                            std::to_string(tensor.device_id) + ", not on the CPU");
  }
  if (tensor.ndim < 0 || (tensor.ndim > 0 && tensor.shape == nullptr)) {
    throw Error(ErrorCode::invalid_argument,
                std::to_string(tensor.ndim) + " dimensions without a shape");
  }
  const auto dims = static_cast<std::size_t>(tensor.ndim);
  const Extents sizes(std::span(tensor.shape, dims));
  TensorView view = contiguous_view(tensor.data, dtype_of(tensor.dtype), sizes);
  if (tensor.strides != nullptr) view.strides = Extents(std::span(tensor.strides, dims));
  if (nbytes(view.dtype, sizes) > 0 && tensor.data == nullptr) {
    throw Error(ErrorCode::invalid_argument, to_string(sizes) + " without memory");
  }
  if (tensor.data != nullptr) {
    view.data = static_cast<std::byte*>(tensor.data) + tensor.byte_offset;
  }
  return view;
}

// Holds an array of somebody else's.
template <typename Managed>
struct Owner {
  Managed* array = nullptr;

  Owner() = default;
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  ~Owner() {
    if (array != nullptr && array->deleter != nullptr) array->deleter(array);
  }
};

template <typename Managed>
TensorView owning_view(Managed* array) {
  if (array == nullptr) throw Error(ErrorCode::invalid_argument, "there is none: a null pointer");
  TensorView view = unowned_view(array->tensor);
  auto owner = std::make_shared<Owner<Managed>>();
  owner->array = array;  // from here on nothing throws
  view.keepalive = std::move(owner);
  return view;
}

// What an exported array points to.
template <typename Managed>
struct Exported {
  Managed array{};
  TensorView view;
};

template <typename Managed>
Managed* export_view(const TensorView& view) {
  const auto bytes = nbytes(view.dtype, view.sizes);
  if (view.strides.size() != view.sizes.size()) {
    throw Error(ErrorCode::invalid_argument,
                "sizes " + to_string(view.sizes) + " with strides " + to_string(view.strides));
  }
  if (bytes > 0 && view.data == nullptr) {
    throw Error(ErrorCode::invalid_argument, to_string(view.sizes) + " without memory");
  }
  auto exported = std::make_unique<Exported<Managed>>();
  exported->view = view;
  exported->array.tensor = {.data = bytes > 0 ? view.data : nullptr,  // as DLPack wants it
                            .device_type = dlpack::kCpu,
                            .device_id = 0,
                            .ndim = static_cast<std::int32_t>(view.sizes.size()),
                            .dtype = data_type_of(view.dtype),
                            .shape = exported->view.sizes.data(),
                            .strides = exported->view.strides.data(),
                            .byte_offset = 0};
  exported->array.context = exported.get();
  exported->array.deleter = [](Managed* array) {
    delete static_cast<Exported<Managed>*>(array->context);
  };
  return &exported.release()->array;
}

}  // namespace

TensorView from_dlpack(DLManagedTensor* array) {
  return with_context(kImporting, [&] { return owning_view(array); });
}

TensorView from_dlpack(DLManagedTensorVersioned* array) {
  return with_context(kImporting, [&] {
    if (array != nullptr && array->major != dlpack::kMajorVersion) {
      throw Error(ErrorCode::unsupported, "it has version " + std::to_string(array->major) + "." +
                                              std::to_string(array->minor) +
                                              " of DLPack; known is version 1");
    }
    TensorView view = owning_view(array);
    view.read_only = (array->flags & dlpack::kReadOnly) != 0;
    return view;
  });
}

DLManagedTensor* to_dlpack(const TensorView& view) {
  return with_context(kExporting, [&] {
    if (view.read_only) {
      throw Error(ErrorCode::unsupported,
                  "it is read-only, which only to_dlpack_versioned can tell");
    }
    return export_view<DLManagedTensor>(view);
  });
}

DLManagedTensorVersioned* to_dlpack_versioned(const TensorView& view) {
  return with_context(kExporting, [&] {
    auto* const array = export_view<DLManagedTensorVersioned>(view);
    array->major = dlpack::kMajorVersion;
    array->minor = dlpack::kMinorVersion;
    array->flags = view.read_only ? dlpack::kReadOnly : 0;
    return array;
  });
}

}  // namespace h5dcp
