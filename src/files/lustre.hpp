// Stripes of files on Lustre, without its library: through the attribute "lustre.lov", whose bytes
// are those of its lov_user_md_v1, lov_user_md_v3 and lov_comp_md_v1.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "h5dcp/bytes.hpp"
#include "h5dcp/striping.hpp"

namespace h5dcp::lustre {

// Of the open file; nullopt where there is no Lustre. Throws nothing.
std::optional<Striping> striping_of(int fd) noexcept;

// Asks for them, for a file that nobody has opened yet: an open settles them. Returns 0, or an
// error as of errno, EOPNOTSUPP where there is no Lustre. Lustre may give others, and not say so.
int set_striping(const std::string& path, const Striping& striping);

// What the attribute of a file says; that of the range with the largest stripes, if ranges have
// stripes of their own. nullopt if it is none.
std::optional<Striping> decode_striping(std::span<const std::uint8_t> attribute);

// What asks for them.
Bytes encode_striping(const Striping& striping);

}  // namespace h5dcp::lustre
