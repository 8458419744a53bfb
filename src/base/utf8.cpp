#include "base/utf8.hpp"

#include <cstddef>
#include <cstdint>

namespace h5dcp {

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<std::uint8_t>(text[i++]);
    if (lead < 0x80) continue;
    const int following = lead < 0xc2 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 0;
    if (following == 0) return false;
    // The second byte has a narrower range after some first ones.
    std::uint8_t least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    std::uint8_t most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    for (int f = 0; f < following; ++f, ++i) {
      if (i == text.size()) return false;
      const auto byte = static_cast<std::uint8_t>(text[i]);
      if (byte < least || byte > most) return false;
      least = 0x80;
      most = 0xbf;
    }
  }
  return true;
}

}  // namespace h5dcp
