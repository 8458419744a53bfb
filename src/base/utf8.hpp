// Whether bytes are text.

#pragma once

#include <string_view>

namespace h5dcp {

// As RFC 3629 has it: no surrogates, nothing overlong, nothing past U+10FFFF.
bool is_utf8(std::string_view text);

}  // namespace h5dcp
