#include "skeleton/segments.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/checksum.hpp"
#include "h5dcp/bytes.hpp"

namespace h5dcp {
namespace {

struct Drawn {
  Bytes file;
  std::vector<Range> others;  // parts of it
  SkeletonImage image;        // what of it is not zero, and some that is
};

// Zeros and what is told of, in turns; of it, what counts and what does not, in turns.
Drawn draw() {
  const auto length = [](int most) {
    return static_cast<std::uint64_t>(*rc::gen::inRange(1, most));
  };
  Drawn drawn;
  const auto parts = *rc::gen::inRange(0, 8);
  for (int p = 0; p < parts; ++p) {
    drawn.file.resize(drawn.file.size() + length(20000));  // more than are hashed at once
    FileBytes told{drawn.file.size(), Bytes(length(3000))};
    std::ranges::generate(told.bytes,
                          [] { return static_cast<std::uint8_t>(*rc::gen::inRange(0, 256)); });
    drawn.file.insert(drawn.file.end(), told.bytes.begin(), told.bytes.end());
    drawn.image.push_back(std::move(told));
  }
  drawn.file.resize(drawn.file.size() + length(9000));
  for (auto at = length(5000); at < drawn.file.size();) {
    const auto nbytes = std::min<std::uint64_t>(length(5000), drawn.file.size() - at);
    drawn.others.push_back({at, nbytes});
    at += nbytes + length(5000);
  }
  return drawn;
}

TEST(Segments, AreTheOtherBytesCutIntoEqualParts) {
  EXPECT_TRUE(rc::check("digests", [] {
    const auto drawn = draw();
    Bytes others;
    for (const auto& range : drawn.others) {
      const auto first = drawn.file.begin() + static_cast<std::ptrdiff_t>(range.address);
      others.insert(others.end(), first, first + static_cast<std::ptrdiff_t>(range.nbytes));
    }
    Record record;
    hash_segments(drawn.image, drawn.others, record);
    RC_ASSERT(record.segments <= kMostSegments);
    std::uint64_t segment = 0;
    for (std::uint64_t first = 0; first < others.size(); first += record.segment_bytes) {
      const auto nbytes = std::min<std::uint64_t>(record.segment_bytes, others.size() - first);
      RC_ASSERT(record.segment_digests.at(segment++) == xxh3(others.data() + first, nbytes));
    }
    RC_ASSERT(record.segments == segment);
  }));
}

TEST(Segments, SayWhichByteIsDamaged) {
  EXPECT_TRUE(rc::check("damage", [] {
    const auto drawn = draw();
    RC_PRE(!drawn.others.empty());
    Record record;
    hash_segments(drawn.image, drawn.others, record);
    const auto file = PosixFile::in_memory();
    file.write(drawn.file.data(), drawn.file.size(), 0);
    RC_ASSERT(damaged_segments(file, drawn.others, record).empty());

    const auto& range = drawn.others[*rc::gen::inRange<std::size_t>(0, drawn.others.size())];
    const auto at = range.address + *rc::gen::inRange<std::uint64_t>(0, range.nbytes);
    const auto flipped = static_cast<std::uint8_t>(drawn.file[at] ^ 4U);
    file.write(&flipped, 1, at);
    const auto damaged = damaged_segments(file, drawn.others, record);
    std::uint64_t nbytes = 0;
    for (const auto& part : damaged) nbytes += part.nbytes;
    RC_ASSERT(nbytes <= record.segment_bytes);
    RC_ASSERT(std::ranges::any_of(damaged, [at](const Range& part) {
      return part.address <= at && at < part.address + part.nbytes;
    }));
  }));
}

}  // namespace
}  // namespace h5dcp
