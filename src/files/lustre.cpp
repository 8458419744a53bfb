#include "files/lustre.hpp"

#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace h5dcp::lustre {
namespace {

constexpr const char* kAttribute = "lustre.lov";

constexpr std::uint32_t kPlain = 0x0BD10BD0;
constexpr std::uint32_t kPlainInPool = 0x0BD30BD0;  // begins as a plain one
constexpr std::uint32_t kComposite = 0x0BD60BD0;    // ranges of the file, each with a plain one

// Of a plain one; what is between is for Lustre alone.
constexpr std::size_t kPattern = 4;       // u32
constexpr std::size_t kStripeBytes = 24;  // u32
constexpr std::size_t kStripeCount = 28;  // u16
constexpr std::size_t kFirstTarget = 30;  // u16; of a file that is there: a count of changes
constexpr std::size_t kPlainBytes = 32;
// Of a composite one.
constexpr std::size_t kEntries = 14;  // u16: how many follow
constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kEntryOffset = 24;  // u32, in an entry: where its plain one is
constexpr std::size_t kEntryBytes = 48;

constexpr std::uint32_t kRaid0 = 1;
constexpr std::uint16_t kAny = 0xFFFF;  // all targets, or whichever is first

template <class Number>
std::optional<Number> number_at(std::span<const std::uint8_t> bytes, std::size_t offset) {
  Number number = 0;
  if (offset > bytes.size() || bytes.size() - offset < sizeof number) return std::nullopt;
  std::memcpy(&number, bytes.data() + offset, sizeof number);
  return number;
}

template <class Number>
void put(Bytes& bytes, std::size_t offset, Number number) {
  std::memcpy(bytes.data() + offset, &number, sizeof number);
}

std::optional<Striping> decode_plain(std::span<const std::uint8_t> bytes) {
  const auto magic = number_at<std::uint32_t>(bytes, 0).value_or(0);
  if (magic != kPlain && magic != kPlainInPool) return std::nullopt;
  if (bytes.size() < kPlainBytes) return std::nullopt;
  const auto stripe = number_at<std::uint32_t>(bytes, kStripeBytes);
  const auto count = number_at<std::uint16_t>(bytes, kStripeCount);
  if (!stripe || !count || *stripe == 0) return std::nullopt;
  return Striping{*count == kAny ? -1 : *count, *stripe};
}

}  // namespace

std::optional<Striping> decode_striping(std::span<const std::uint8_t> attribute) {
  if (number_at<std::uint32_t>(attribute, 0) != kComposite) return decode_plain(attribute);
  std::optional<Striping> largest;
  const auto entries = number_at<std::uint16_t>(attribute, kEntries).value_or(0);
  for (std::size_t i = 0; i < entries; ++i) {
    const auto offset =
        number_at<std::uint32_t>(attribute, kHeaderBytes + i * kEntryBytes + kEntryOffset);
    if (!offset || *offset > attribute.size()) return std::nullopt;
    const auto found = decode_plain(attribute.subspan(*offset));
    if (found && (!largest || found->bytes > largest->bytes)) largest = found;
  }
  return largest;
}

Bytes encode_striping(const Striping& striping) {
  Bytes made(kPlainBytes);
  put(made, 0, kPlain);
  put(made, kPattern, kRaid0);
  put(made, kStripeBytes, static_cast<std::uint32_t>(striping.bytes));
  put(made, kStripeCount, striping.count < 0 ? kAny : static_cast<std::uint16_t>(striping.count));
  put(made, kFirstTarget, kAny);
  return made;
}

std::optional<Striping> striping_of(int fd) noexcept {
  std::array<std::uint8_t, 65536> attribute{};  // the most that Linux gives
  const auto size = ::fgetxattr(fd, kAttribute, attribute.data(), attribute.size());
  if (size <= 0) return std::nullopt;
  return decode_striping(std::span(attribute).first(static_cast<std::size_t>(size)));
}

int set_striping(const std::string& path, const Striping& striping) {
  const auto attribute = encode_striping(striping);
  int status = 0;
  do {
    status = ::setxattr(path.c_str(), kAttribute, attribute.data(), attribute.size(), 0);
  } while (status != 0 && errno == EINTR);
  return status == 0 ? 0 : errno;
}

}  // namespace h5dcp::lustre
