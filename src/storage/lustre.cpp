#include "storage/lustre.hpp"

#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace h5dcp::lustre {
namespace {

constexpr const char* kAttribute = "lustre.lov";

constexpr std::uint32_t kPlain = 0x0BD10BD0;
constexpr std::uint32_t kPlainInPool = 0x0BD30BD0;  // begins as a plain one
constexpr std::uint32_t kComposite = 0x0BD60BD0;    // ranges of the file, each with a plain one

// Of a plain one.
constexpr std::size_t kStripeBytes = 24;  // u32
constexpr std::size_t kPlainBytes = 32;
// Of a composite one.
constexpr std::size_t kEntries = 14;  // u16: how many follow
constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kEntryOffset = 24;  // u32, in an entry: where its plain one is
constexpr std::size_t kEntryBytes = 48;

template <class Number>
std::optional<Number> number_at(std::span<const std::uint8_t> bytes, std::size_t offset) {
  Number number = 0;
  if (offset > bytes.size() || bytes.size() - offset < sizeof number) return std::nullopt;
  std::memcpy(&number, bytes.data() + offset, sizeof number);
  return number;
}

std::optional<std::uint64_t> stripe_bytes_of_plain(std::span<const std::uint8_t> bytes) {
  const auto magic = number_at<std::uint32_t>(bytes, 0);
  if (magic != kPlain && magic != kPlainInPool) return std::nullopt;
  if (bytes.size() < kPlainBytes) return std::nullopt;
  const auto stripe = number_at<std::uint32_t>(bytes, kStripeBytes);
  return stripe > 0U ? std::optional<std::uint64_t>(*stripe) : std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> stripe_bytes_in(std::span<const std::uint8_t> attribute) {
  if (number_at<std::uint32_t>(attribute, 0) != kComposite) return stripe_bytes_of_plain(attribute);
  std::optional<std::uint64_t> largest;
  const auto entries = number_at<std::uint16_t>(attribute, kEntries).value_or(0);
  for (std::size_t i = 0; i < entries; ++i) {
    const auto offset =
        number_at<std::uint32_t>(attribute, kHeaderBytes + i * kEntryBytes + kEntryOffset);
    if (!offset || *offset > attribute.size()) return std::nullopt;
    largest = std::max(largest, stripe_bytes_of_plain(attribute.subspan(*offset)));
  }
  return largest;
}

std::optional<std::uint64_t> stripe_bytes(int fd) noexcept {
  std::array<std::uint8_t, 65536> attribute{};  // the most that Linux gives
  const auto size = ::fgetxattr(fd, kAttribute, attribute.data(), attribute.size());
  if (size <= 0) return std::nullopt;
  return stripe_bytes_in(std::span(attribute).first(static_cast<std::size_t>(size)));
}

}  // namespace h5dcp::lustre
