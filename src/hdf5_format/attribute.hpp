// The attribute message, version 1, of a text. "IV.A.2.m".

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hdf5_format/byte_writer.hpp"
#include "hdf5_format/dataspace.hpp"
#include "hdf5_format/datatype.hpp"

namespace h5dcp::hdf5_format {

struct TextAttribute {
  std::string_view name;  // ASCII: this version cannot say otherwise
  std::string_view text;  // UTF-8
};

// HDF5 has no strings of length 0: an empty text is stored as one NUL.
constexpr std::size_t stored_text_bytes(std::string_view text) {
  return text.empty() ? 1 : text.size();
}

constexpr std::size_t attribute_bytes(const TextAttribute& attribute) {
  return 8 + padded(attribute.name.size() + 1) + kTextTypeBytes + dataspace_bytes(0) +
         stored_text_bytes(attribute.text);
}

inline void put_attribute(ByteWriter& out, const TextAttribute& attribute) {
  const auto& [name, text] = attribute;
  out.u8(1);  // version
  out.u8(0);
  out.u16(static_cast<std::uint16_t>(name.size() + 1));
  out.u16(kTextTypeBytes);
  out.u16(dataspace_bytes(0));
  out.bytes(name.data(), name.size());
  out.zeros(padded(name.size() + 1) - name.size());
  put_text_type(out, stored_text_bytes(text));
  put_dataspace(out, {});
  out.bytes(text.data(), text.size());
  out.zeros(padded(stored_text_bytes(text)) - text.size());
}

}  // namespace h5dcp::hdf5_format
