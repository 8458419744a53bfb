#include "hdf5_format/virtual_mapping.hpp"

#include <algorithm>
#include <limits>

#include "hdf5_format/byte_writer.hpp"
#include "hdf5_format/lookup3.hpp"

namespace h5dcp::hdf5_format {
namespace {

constexpr std::size_t kAllBytes = 16;
constexpr std::size_t kChecksumBytes = 4;

std::size_t selection_bytes(std::size_t dims) {
  return dims == 0 ? kAllBytes : 24 + 8 * dims;
}

void put_all(ByteWriter& out) {
  out.u32(3);  // all elements
  out.u32(1);  // version
  out.zeros(8);
}

void put_selection(ByteWriter& out, const VirtualSource& source) {
  const auto dims = source.offsets.size();
  if (dims == 0) return put_all(out);
  out.u32(2);  // a hyperslab
  out.u32(1);  // version
  out.u32(0);
  out.u32(static_cast<std::uint32_t>(8 + 8 * dims));  // bytes that follow
  out.u32(static_cast<std::uint32_t>(dims));
  out.u32(1);  // blocks
  for (const auto offset : source.offsets) out.u32(static_cast<std::uint32_t>(offset));
  for (std::size_t d = 0; d < dims; ++d) {
    out.u32(static_cast<std::uint32_t>(source.offsets[d] + source.sizes[d] - 1));
  }
}

void put_name(ByteWriter& out, std::string_view name) {
  out.bytes(name.data(), name.size());
  out.zeros(1);
}

}  // namespace

bool fits(std::span<const VirtualSource> sources) {
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  return std::ranges::all_of(sources, [](const VirtualSource& source) {
    for (std::size_t d = 0; d < source.offsets.size(); ++d) {
      if (source.sizes[d] > kMost || source.offsets[d] > kMost - source.sizes[d]) return false;
    }
    return true;
  });
}

std::vector<std::uint8_t> virtual_mapping(std::span<const VirtualSource> sources) {
  std::size_t nbytes = 1 + 8 + kChecksumBytes;
  for (const auto& source : sources) {
    nbytes += source.file.size() + source.dataset.size() + 2 + kAllBytes +
              selection_bytes(source.offsets.size());
  }
  std::vector<std::uint8_t> object(nbytes);
  ByteWriter out(object);
  out.u8(0);  // version
  out.u64(sources.size());
  for (const auto& source : sources) {
    put_name(out, source.file);
    put_name(out, source.dataset);
    put_all(out);
    put_selection(out, source);
  }
  out.u32(lookup3(std::span(object).first(nbytes - kChecksumBytes)));
  return object;
}

}  // namespace h5dcp::hdf5_format
