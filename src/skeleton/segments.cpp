#include "skeleton/segments.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <new>
#include <utility>

#include "h5dcp/bytes.hpp"
#include "h5dcp/tensor.hpp"

namespace h5dcp {
namespace {

constexpr std::uint64_t kSmallestSegment = 64;
constexpr std::uint64_t kReadBytes = 1U << 20U;
constexpr std::array<std::uint8_t, 4096> kZeros{};

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

void Segments::FreeState::operator()(XXH3_state_t* state) const {
  XXH3_freeState(state);
}

Segments::Segments(const std::vector<Range>& others, std::uint64_t segment_bytes, Found found)
    : others_(others),
      segment_bytes_(segment_bytes),
      found_(std::move(found)),
      state_(XXH3_createState()),
      at_(others.empty() ? 0 : others.front().address),
      missing_(segment_bytes) {
  if (!state_) throw std::bad_alloc();
  XXH3_64bits_reset(state_.get());
}

void Segments::add(std::uint64_t address, std::span<const std::uint8_t> bytes) {
  add_zeros_up_to(address);
  const auto end = address + bytes.size();
  while (range_ < others_.size() && at_ < end) {
    const auto& range = others_[range_];
    hash(bytes.data() + (at_ - address), std::min(end, range.address + range.nbytes) - at_);
  }
}

void Segments::add_zeros_up_to(std::uint64_t address) {
  while (range_ < others_.size() && at_ < address) {
    const auto& range = others_[range_];
    hash(nullptr, std::min(address, range.address + range.nbytes) - at_);
  }
}

void Segments::hash(const std::uint8_t* bytes, std::uint64_t nbytes) {
  while (nbytes > 0) {
    const auto most = std::min(nbytes, missing_);
    const auto part = bytes != nullptr ? most : std::min<std::uint64_t>(most, kZeros.size());
    XXH3_64bits_update(state_.get(), bytes != nullptr ? bytes : kZeros.data(), part);
    if (bytes != nullptr) bytes += part;
    if (!ranges_.empty() && ranges_.back().address + ranges_.back().nbytes == at_) {
      ranges_.back().nbytes += part;
    } else {
      ranges_.push_back({at_, part});
    }
    nbytes -= part;
    missing_ -= part;
    at_ += part;
    if (missing_ == 0) finish_segment();
  }
  const auto& range = others_[range_];
  if (at_ == range.address + range.nbytes && ++range_ < others_.size()) {
    at_ = others_[range_].address;
  }
}

void Segments::finish() {
  if (!others_.empty()) add_zeros_up_to(others_.back().address + others_.back().nbytes);
  if (!ranges_.empty()) finish_segment();
}

void Segments::finish_segment() {
  found_(XXH3_64bits_digest(state_.get()), ranges_);
  XXH3_64bits_reset(state_.get());
  ranges_.clear();
  missing_ = segment_bytes_;
}

Segments segments_for(const std::vector<Range>& others, Record& record) {
  std::uint64_t total = 0;
  for (const auto& range : others) total += range.nbytes;
  record.segment_bytes = std::max(kSmallestSegment, (total + kMostSegments - 1) / kMostSegments);
  record.segments = 0;
  return {others, record.segment_bytes, [&record](std::uint64_t digest, const std::vector<Range>&) {
            record.segment_digests.at(record.segments++) = digest;
          }};
}

void hash_segments(const SkeletonImage& image, const std::vector<Range>& others, Record& record) {
  Segments segments = segments_for(others, record);
  for (const auto& part : image) segments.add(part.address, part.bytes);
  segments.finish();
}

std::vector<Range> damaged_segments(const PosixFile& file, const std::vector<Range>& others,
                                    const Record& record) {
  std::vector<Range> damaged;
  std::size_t segment = 0;
  Segments segments(others, std::max(record.segment_bytes, kSmallestSegment),
                    [&](std::uint64_t digest, const std::vector<Range>& ranges) {
                      const bool same =
                          segment < record.segments && record.segment_digests.at(segment) == digest;
                      if (!same) damaged.insert(damaged.end(), ranges.begin(), ranges.end());
                      ++segment;
                    });
  Bytes buffer;
  for (Range rest : others) {
    while (rest.nbytes > 0) {
      buffer.resize(std::min(rest.nbytes, kReadBytes));
      file.read(buffer.data(), buffer.size(), rest.address);
      segments.add(rest.address, buffer);
      rest = {rest.address + buffer.size(), rest.nbytes - buffer.size()};
    }
  }
  segments.finish();
  return damaged;
}

}  // namespace h5dcp
