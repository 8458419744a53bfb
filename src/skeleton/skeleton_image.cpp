#include "skeleton/skeleton_image.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace h5dcp {

SkeletonImage image_of(const PosixFile& draft, const std::vector<Range>& others) {
  SkeletonImage image;
  for (const Range& range : others) {
    Bytes bytes(range.nbytes);
    draft.read(bytes.data(), bytes.size(), range.address);
    if (std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; })) continue;
    image.push_back({range.address, std::move(bytes)});
  }
  return image;
}

void write_image(const PosixFile& file, const SkeletonImage& image) {
  for (const auto& part : image) file.write(part.bytes.data(), part.bytes.size(), part.address);
}

}  // namespace h5dcp
