// Chunks of HDF5 without filters, each of them one written box: so what a rank writes is one range
// of the file, on pages of its own, however the tensor is sharded. docs/format.md, "Chunks of
// shards".

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "h5dcp/box.hpp"
#include "layout/data_parts.hpp"

namespace h5dcp {

// What `filters` of such a tensor is in the index: part of the format.
inline constexpr std::uint16_t kBoxChunks = 32;

// The chunks of one tensor, row-major by their places in it. Those at its ends are whole in the
// file, with zeros behind what is in the tensor.
class BoxChunks {
 public:
  // At least 1 and at most sizes[d] in each dimension.
  BoxChunks(Extents sizes, Extents shape, std::size_t itemsize);

  std::uint64_t count() const;
  std::uint64_t nbytes() const;  // of a chunk
  std::uint64_t stride() const;  // bytes from one to the next: whole pages

  // From the first byte of the first one to the last of the last one.
  std::uint64_t all_bytes() const { return (count() - 1) * stride() + nbytes(); }

  // Chunk `number`, whole; the first one is at `address`.
  DataPart part(std::uint64_t number, std::uint64_t address) const;

  // Which one has element `offsets`.
  std::uint64_t number_at(const Extents& offsets) const;

 private:
  std::uint64_t across(std::size_t d) const;  // how many in dimension d

  Extents sizes_;
  Extents shape_;
  std::size_t itemsize_;
};

// The shape of the chunks of a tensor of `sizes` that `boxes` tile, so that each box is one.
// nullopt if they are not such: of several sizes (but at the ends of the tensor), too small or too
// large for a chunk, or only one, which is one range as it is.
std::optional<Extents> box_chunk(const Extents& sizes, const std::vector<Box>& boxes,
                                 std::size_t itemsize);

}  // namespace h5dcp
