// Metadata, handed on in pieces: those of a hundred thousand datasets need no memory of their size.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include "h5dcp/bytes.hpp"
#include "h5dcp/error.hpp"
#include "hdf5_format/byte_writer.hpp"

namespace h5dcp::hdf5_format {

class MetadataPieces {
 public:
  using Put = std::function<void(std::uint64_t address, std::span<const std::uint8_t> bytes)>;

  // The first begins at `address`, and each where the one before ends.
  MetadataPieces(std::uint64_t address, Put put) : address_(address), put_(std::move(put)) {}

  // Something of `nbytes`, all of which `fill(writer)` writes.
  //
  // Throws Error{internal} if it writes more or less: what was laid out is not what is written.
  template <class Fill>
  void add(std::size_t nbytes, const Fill& fill) {
    if (used_ + nbytes > piece_.size()) {
      flush();
      if (nbytes > piece_.size()) piece_.resize(nbytes);
    }
    const auto room = std::span(piece_).subspan(used_, nbytes);
    ByteWriter out(room);
    fill(out);
    if (out.left() > 0) throw Error(ErrorCode::internal, "HDF5's metadata: shorter than laid out");
    used_ += nbytes;
  }

  // Hands on what is there.
  void flush() {
    if (used_ > 0) put_(address_, std::span(piece_).first(used_));
    address_ += used_;
    used_ = 0;
  }

 private:
  static constexpr std::size_t kBytes = 1U << 18U;  // it is still in the cache when it is handed on

  std::uint64_t address_;
  Put put_;
  Bytes piece_ = Bytes(kBytes);
  std::size_t used_ = 0;
};

}  // namespace h5dcp::hdf5_format
