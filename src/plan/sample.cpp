#include "plan/sample.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "base/checksum.hpp"

namespace h5dcp {
namespace {

constexpr std::uint64_t kBlockBytes = 64;
constexpr std::uint64_t kBufferBytes = 256;  // is hashed at once
constexpr std::uint64_t kBytesABlock = std::uint64_t{64} << 10;
constexpr std::uint64_t kMostBlocks = 1024;

// Copies `count` elements, from number `first` in row-major order on, to `to`.
void copy_run(const TensorView& view, bool contiguous, std::uint64_t first, std::uint64_t count,
              std::uint8_t* to) {
  const auto item = itemsize(view.dtype);
  const auto* const data = static_cast<const std::uint8_t*>(view.data);
  if (contiguous) {
    std::memcpy(to, data + first * item, count * item);
    return;
  }
  for (auto i = first; i < first + count; ++i, to += item) {
    std::int64_t offset = 0;
    auto rest = static_cast<std::int64_t>(i);
    for (std::size_t d = view.sizes.size(); d-- > 0; rest /= view.sizes[d]) {
      offset += rest % view.sizes[d] * view.strides[d];
    }
    std::memcpy(to, data + offset * static_cast<std::int64_t>(item), item);
  }
}

// A number below `end`, and below 2^32, that looks random, the same for the same `i`.
std::uint64_t scattered(std::uint64_t i, std::uint64_t end) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 32;
  const auto fraction = (i + 1) * 0x9E3779B97F4A7C15U >> 32;  // multiples of the golden ratio
  return fraction * std::min(end, kMost) >> 32;
}

}  // namespace

std::uint64_t sample_digest(const TensorView& view) {
  const auto elements = static_cast<std::uint64_t>(numel(view.sizes));
  const auto item = static_cast<std::uint64_t>(itemsize(view.dtype));
  const bool contiguous = is_contiguous(view);
  std::array<std::uint8_t, kBufferBytes> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  if (elements * item <= kBufferBytes) {
    copy_run(view, contiguous, 0, elements, buffer.data());
    return xxh3(buffer.data(), elements * item);
  }
  const auto blocks = std::min(1 + elements * item / kBytesABlock, kMostBlocks);
  const auto in_block = kBlockBytes / item;
  const auto share = elements / blocks;  // of which one block is taken; not less than a block
  std::uint64_t digest = 0;
  for (std::uint64_t i = 0, filled = 0; i < blocks; ++i) {
    const auto first = i * share + scattered(i, share - in_block + 1);
    copy_run(view, contiguous, first, in_block, buffer.data() + filled);
    filled += in_block * item;
    if (filled < kBufferBytes && i + 1 < blocks) continue;
    digest = xxh3(buffer.data(), filled, digest);
    filled = 0;
  }
  return digest;
}

}  // namespace h5dcp
