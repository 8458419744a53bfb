// Little-endian numbers, one behind the other, into memory that is there.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "h5dcp/error.hpp"

namespace h5dcp::hdf5_format {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they are");

// The address of what is not there.
inline constexpr std::uint64_t kUndefined = ~std::uint64_t{0};

// Most things in a version 1 object header and in a heap take a multiple of 8 bytes.
constexpr std::size_t padded(std::size_t nbytes) {
  return (nbytes + 7) / 8 * 8;
}

// Every method throws Error{internal} past the end of the memory: what was laid out is not what is
// written.
class ByteWriter {
 public:
  explicit ByteWriter(std::span<std::uint8_t> out) : rest_(out) {}

  void u8(std::uint8_t value) { number(value); }
  void u16(std::uint16_t value) { number(value); }
  void u32(std::uint32_t value) { number(value); }
  void u64(std::uint64_t value) { number(value); }

  void bytes(const void* data, std::size_t nbytes) {
    auto* to = next(nbytes);
    if (nbytes > 0) std::memcpy(to, data, nbytes);
  }
  void zeros(std::size_t nbytes) {
    auto* to = next(nbytes);
    if (nbytes > 0) std::memset(to, 0, nbytes);
  }

  // The same, then zeros up to a multiple of 8 bytes.
  void padded_bytes(const void* data, std::size_t nbytes) {
    bytes(data, nbytes);
    zeros(padded(nbytes) - nbytes);
  }
  void padded_bytes(std::span<const std::uint8_t> data) { padded_bytes(data.data(), data.size()); }

  std::size_t left() const { return rest_.size(); }

 private:
  template <class T>
  void number(T value) {
    std::memcpy(next(sizeof value), &value, sizeof value);
  }
  std::uint8_t* next(std::size_t nbytes) {
    if (nbytes > rest_.size()) throw Error(ErrorCode::internal, "HDF5's metadata: no room left");
    auto* first = rest_.data();
    rest_ = rest_.subspan(nbytes);
    return first;
  }

  std::span<std::uint8_t> rest_;
};

}  // namespace h5dcp::hdf5_format
