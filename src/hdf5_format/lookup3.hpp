// The checksum of HDF5's newer structures: the hash "lookup3" by Bob Jenkins, of bytes in their
// order. "III.F" and "IX.A" of the specification name it.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace h5dcp::hdf5_format {

inline std::uint32_t lookup3(std::span<const std::uint8_t> bytes) {
  constexpr std::size_t kBlock = 12;
  auto a = 0xDEADBEEFU + static_cast<std::uint32_t>(bytes.size());
  auto b = a;
  auto c = a;
  const auto stir = [](std::uint32_t& x, std::uint32_t y, int bits) { x ^= std::rotl(y, bits); };
  const auto add = [&](std::span<const std::uint8_t> block) {
    const auto number = [&](std::size_t first) {
      std::uint32_t sum = 0;
      for (std::size_t i = first; i < first + 4 && i < block.size(); ++i) {
        sum += std::uint32_t{block[i]} << (8 * (i - first));
      }
      return sum;
    };
    a += number(0);
    b += number(4);
    c += number(8);
  };
  while (bytes.size() > kBlock) {
    add(bytes.first(kBlock));
    bytes = bytes.subspan(kBlock);
    a -= c, stir(a, c, 4), c += b;
    b -= a, stir(b, a, 6), a += c;
    c -= b, stir(c, b, 8), b += a;
    a -= c, stir(a, c, 16), c += b;
    b -= a, stir(b, a, 19), a += c;
    c -= b, stir(c, b, 4), b += a;
  }
  if (bytes.empty()) return c;
  add(bytes);
  c ^= b, c -= std::rotl(b, 14);
  a ^= c, a -= std::rotl(c, 11);
  b ^= a, b -= std::rotl(a, 25);
  c ^= b, c -= std::rotl(b, 16);
  a ^= c, a -= std::rotl(c, 4);
  b ^= a, b -= std::rotl(a, 14);
  c ^= b, c -= std::rotl(b, 24);
  return c;
}

}  // namespace h5dcp::hdf5_format
