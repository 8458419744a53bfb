// The structs of DLPack 0.x and 1.x as they lie in memory, which is what DLPack promises to keep.
// Ours, because Debian's dlpack.h is older than the versioned one.

#pragma once

#include <cstdint>

namespace h5dcp::dlpack {

inline constexpr std::int32_t kCpu = 1;  // a device type

enum class Code : std::uint8_t {  // with a width in bits, an element type
  signed_integer = 0,
  unsigned_integer = 1,
  floating_point = 2,
  bfloat = 4,
  complex = 5,
  boolean = 6,
  float8_e4m3fn = 10,
  float8_e4m3fnuz = 11,
  float8_e5m2 = 12,
  float8_e5m2fnuz = 13,
  float8_e8m0fnu = 14,
};

struct DataType {
  Code code;
  std::uint8_t bits;
  std::uint16_t lanes;  // numbers in an element; 1 but for vector types

  bool operator==(const DataType&) const = default;
};

struct Tensor {
  void* data;
  std::int32_t device_type;
  std::int32_t device_id;
  std::int32_t ndim;
  DataType dtype;
  std::int64_t* shape;    // ndim of them; may be null if there are none
  std::int64_t* strides;  // the same, in elements; null for row-major
  std::uint64_t byte_offset;
};

inline constexpr std::uint32_t kMajorVersion = 1;
inline constexpr std::uint32_t kMinorVersion = 1;  // the first with float8
inline constexpr std::uint64_t kReadOnly = 1;      // a flag

}  // namespace h5dcp::dlpack

// By these names they cross from library to library.
struct DLManagedTensor {
  h5dcp::dlpack::Tensor tensor;
  void* context;
  void (*deleter)(DLManagedTensor*);  // may be null
};

struct DLManagedTensorVersioned {
  std::uint32_t major, minor;
  void* context;
  void (*deleter)(DLManagedTensorVersioned*);  // may be null
  std::uint64_t flags;
  h5dcp::dlpack::Tensor tensor;
};
