// Values of Lustre's attribute "lustre.lov", written out from its structures.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace h5dcp::test {

using Attribute = std::vector<std::uint8_t>;

template <class Number>
void put(Attribute& bytes, std::size_t offset, Number number) {
  std::memcpy(bytes.data() + offset, &number, sizeof number);
}

// lov_user_md_v1
inline Attribute plain_lov(std::uint16_t stripes, std::uint32_t stripe_bytes) {
  Attribute made(32);
  put<std::uint32_t>(made, 0, 0x0BD10BD0);    // magic
  put<std::uint32_t>(made, 4, 1);             // pattern: RAID 0
  put<std::uint64_t>(made, 8, 0x1122334455);  // object
  put<std::uint64_t>(made, 16, 7);            // its sequence
  put(made, 24, stripe_bytes);
  put(made, 28, stripes);
  put<std::uint16_t>(made, 30, 3);  // generation
  return made;
}

// lov_comp_md_v1 with a plain one for each range
inline Attribute composite_lov(const std::vector<std::uint32_t>& stripe_bytes) {
  const auto ranges = stripe_bytes.size();
  Attribute made(32 + 48 * ranges);
  put<std::uint32_t>(made, 0, 0x0BD60BD0);
  put(made, 14, static_cast<std::uint16_t>(ranges));
  for (std::size_t i = 0; i < ranges; ++i) {
    const auto plain = plain_lov(1, stripe_bytes[i]);
    put(made, 32 + 48 * i + 24, static_cast<std::uint32_t>(made.size()));
    put(made, 32 + 48 * i + 28, static_cast<std::uint32_t>(plain.size()));
    made.insert(made.end(), plain.begin(), plain.end());
  }
  put(made, 4, static_cast<std::uint32_t>(made.size()));
  return made;
}

}  // namespace h5dcp::test
