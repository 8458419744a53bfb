// Stripes of files on Lustre, without its library: through the attribute "lustre.lov", whose bytes
// are those of its lov_user_md_v1, lov_user_md_v3 and lov_comp_md_v1.

#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace h5dcp::lustre {

// The bytes of a stripe of the open file; nullopt where there is no Lustre. Throws nothing.
std::optional<std::uint64_t> stripe_bytes(int fd) noexcept;

// Of a file with such an attribute; the largest if ranges of it have different ones. nullopt for
// one that is none.
std::optional<std::uint64_t> stripe_bytes_in(std::span<const std::uint8_t> attribute);

}  // namespace h5dcp::lustre
