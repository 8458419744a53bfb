#include "storage/skeleton_image.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace h5dcp {
namespace {

void append_tables(SkeletonImage& image, const Index& index) {
  for (std::size_t t = 0; t < kOpeningTables; ++t) {
    const auto& range = index.record().tables.at(t);
    if (range.nbytes == 0) continue;
    const auto* first = index.tables().data() + offset_of(index.record(), t);
    image.push_back({range.address, Bytes(first, first + range.nbytes)});
  }
}

}  // namespace

SkeletonImage image_of(const PosixFile& draft, const std::vector<Range>& others,
                       const Index& index) {
  SkeletonImage image;
  for (const Range& range : others) {
    Bytes bytes(range.nbytes);
    draft.read(bytes.data(), bytes.size(), range.address);
    if (std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; })) continue;
    image.push_back({range.address, std::move(bytes)});
  }
  append_tables(image, index);
  return image;
}

SkeletonImage image_of(FileBytes metadata, const Index& index) {
  SkeletonImage image;
  image.push_back(std::move(metadata));
  append_tables(image, index);
  return image;
}

void write_image(const PosixFile& file, const SkeletonImage& image) {
  for (const auto& part : image) file.write(part.bytes.data(), part.bytes.size(), part.address);
}

}  // namespace h5dcp
