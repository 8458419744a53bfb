#include "base/wire.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "h5dcp/error.hpp"

namespace h5dcp {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

namespace {

constexpr std::size_t kMaxVarintBytes = 10;  // 7 bits each: enough for 64
constexpr std::array<std::int64_t, Extents::kMaxDims> kZeros{};

Error ends_too_early() {
  return {ErrorCode::corrupt, "a message ends too early"};
}

}  // namespace

void WireWriter::varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<std::uint8_t>(value | 0x80));
  out_.push_back(static_cast<std::uint8_t>(value));
}

void WireWriter::fixed64(std::uint64_t value) {
  std::array<std::uint8_t, sizeof value> raw{};
  std::memcpy(raw.data(), &value, sizeof value);
  out_.insert(out_.end(), raw.begin(), raw.end());
}

void WireWriter::bytes(std::span<const std::uint8_t> value) {
  varint(value.size());
  out_.insert(out_.end(), value.begin(), value.end());
}

void WireWriter::text(std::string_view value) {
  varint(value.size());
  out_.insert(out_.end(), value.begin(), value.end());
}

void WireWriter::extents(const Extents& value) {
  for (const auto extent : value) varint(static_cast<std::uint64_t>(extent));
}

void WireWriter::box(const Box& value) {
  extents(value.offsets);
  extents(value.sizes);
}

Bytes WireWriter::take_copy() {
  Bytes copy(out_);
  out_.clear();
  return copy;
}

std::span<const std::uint8_t> WireReader::next(std::size_t count) {
  if (count > in_.size()) throw ends_too_early();
  const auto taken = in_.first(count);
  in_ = in_.subspan(count);
  return taken;
}

std::uint64_t WireReader::varint() {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kMaxVarintBytes; ++i) {
    if (i == in_.size()) throw ends_too_early();
    value |= std::uint64_t{in_[i] & 0x7FU} << (7 * i);
    if (in_[i] >= 0x80) continue;
    in_ = in_.subspan(i + 1);
    return value;
  }
  throw Error(ErrorCode::corrupt, "a message holds a number of more than 64 bits");
}

std::uint64_t WireReader::fixed64() {
  std::uint64_t value = 0;
  std::memcpy(&value, next(sizeof value).data(), sizeof value);
  return value;
}

std::span<const std::uint8_t> WireReader::bytes_view() {
  return next(varint());
}

Bytes WireReader::bytes() {
  const auto taken = bytes_view();
  return {taken.begin(), taken.end()};
}

std::string_view WireReader::text_view() {
  const auto taken = bytes_view();
  return {reinterpret_cast<const char*>(taken.data()), taken.size()};
}

std::string WireReader::text() {
  return std::string(text_view());
}

Extents WireReader::extents(std::size_t dims) {
  if (dims > Extents::kMaxDims)
    throw Error(ErrorCode::corrupt, "a message has too many dimensions");
  Extents values{std::span(kZeros).first(dims)};
  for (auto& value : values) value = static_cast<std::int64_t>(varint());
  return values;
}

Box WireReader::box(std::size_t dims) {
  Extents offsets = extents(dims);
  return {std::move(offsets), extents(dims)};
}

Bytes WireReader::rest() {
  const auto taken = next(in_.size());
  return {taken.begin(), taken.end()};
}

}  // namespace h5dcp
