#include "storage/segments.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "base/xxh3.hpp"
#include "h5dcp/bytes.hpp"
#include "h5dcp/tensor.hpp"

namespace h5dcp {
namespace {

constexpr std::uint64_t kSmallestSegment = 64;

struct FreeState {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

// Reads so many bytes from an address.
using ReadBytes = std::function<void(std::uint8_t*, std::size_t, std::uint64_t)>;

ReadBytes bytes_of(const PosixFile& file) {
  return [&file](std::uint8_t* bytes, std::size_t nbytes, std::uint64_t address) {
    file.read(bytes, nbytes, address);
  };
}

// What is not in the image is zero.
ReadBytes bytes_of(const SkeletonImage& image) {
  return [&image](std::uint8_t* bytes, std::size_t nbytes, std::uint64_t address) {
    std::fill_n(bytes, nbytes, std::uint8_t{0});
    for (const auto& part : image) {
      const auto first = std::max(address, part.address);
      const auto end = std::min(address + nbytes, part.address + part.bytes.size());
      if (first >= end) continue;
      std::copy_n(part.bytes.data() + (first - part.address), end - first,
                  bytes + (first - address));
    }
  };
}

// Calls `found(digest, ranges)` for each segment in turn.
void for_each_segment(const ReadBytes& read, const std::vector<Range>& others,
                      std::uint64_t segment_bytes,
                      const std::function<void(std::uint64_t, const std::vector<Range>&)>& found) {
  const std::unique_ptr<XXH3_state_t, FreeState> state(XXH3_createState());
  if (!state) throw std::bad_alloc();
  XXH3_64bits_reset(state.get());
  Bytes buffer;
  std::vector<Range> ranges;
  std::uint64_t missing = segment_bytes;  // of the segment
  const auto finish = [&] {
    found(XXH3_64bits_digest(state.get()), ranges);
    XXH3_64bits_reset(state.get());
    ranges.clear();
    missing = segment_bytes;
  };
  for (Range rest : others) {
    while (rest.nbytes > 0) {
      const auto nbytes = std::min({rest.nbytes, missing, std::uint64_t{1} << 20});
      buffer.resize(nbytes);
      read(buffer.data(), nbytes, rest.address);
      XXH3_64bits_update(state.get(), buffer.data(), nbytes);
      ranges.push_back({rest.address, nbytes});
      rest = {rest.address + nbytes, rest.nbytes - nbytes};
      missing -= nbytes;
      if (missing == 0) finish();
    }
  }
  if (!ranges.empty()) finish();
}

}  // namespace

std::vector<Range> other_bytes(const Index& index) {
  const Record& record = index.record();
  std::vector<Range> known(record.tables.begin(), record.tables.end());
  known.push_back(record.filtered);
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (index.is_filtered(i) || index.in_data_files(i)) continue;
    if (!index.in_box_chunks(i)) {
      const auto row = index.row(i);
      known.push_back({row.address, row.nbytes});
      continue;
    }
    for (const auto& part : index.parts(i)) {
      const auto bytes = nbytes(index.dtype(i), part.box.sizes);
      known.push_back({part.address, static_cast<std::uint64_t>(bytes)});
    }
  }
  return other_bytes(std::move(known), record.file_bytes);
}

std::vector<Range> other_bytes(const Index& index, std::uint32_t number, std::uint64_t file_bytes) {
  std::vector<Range> known;
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (!index.in_data_files(i)) continue;
    for (const auto& part : index.parts(i)) {
      const auto bytes = nbytes(index.dtype(i), part.box.sizes);
      if (part.file == number) known.push_back({part.address, static_cast<std::uint64_t>(bytes)});
    }
  }
  return other_bytes(std::move(known), file_bytes);
}

std::vector<Range> other_bytes(std::vector<Range> known, std::uint64_t file_bytes) {
  known.push_back({0, kRecordBytes});
  std::ranges::sort(known, {}, &Range::address);
  std::vector<Range> others;
  std::uint64_t end = 0;
  for (const auto& range : known) {
    if (range.nbytes == 0) continue;
    if (range.address > end) others.push_back({end, range.address - end});
    end = std::max(end, range.address + range.nbytes);
  }
  if (end < file_bytes) others.push_back({end, file_bytes - end});
  return others;
}

void hash_segments(const SkeletonImage& image, const std::vector<Range>& others, Record& record) {
  std::uint64_t total = 0;
  for (const auto& range : others) total += range.nbytes;
  record.segment_bytes = std::max(kSmallestSegment, (total + kMostSegments - 1) / kMostSegments);
  record.segments = 0;
  for_each_segment(bytes_of(image), others, record.segment_bytes,
                   [&record](std::uint64_t digest, const std::vector<Range>&) {
                     record.segment_digests.at(record.segments++) = digest;
                   });
}

std::vector<Range> damaged_segments(const PosixFile& file, const std::vector<Range>& others,
                                    const Record& record) {
  std::vector<Range> damaged;
  std::size_t segment = 0;
  for_each_segment(bytes_of(file), others, std::max(record.segment_bytes, kSmallestSegment),
                   [&](std::uint64_t digest, const std::vector<Range>& ranges) {
                     const bool same =
                         segment < record.segments && record.segment_digests.at(segment) == digest;
                     if (!same) damaged.insert(damaged.end(), ranges.begin(), ranges.end());
                     ++segment;
                   });
  return damaged;
}

}  // namespace h5dcp
