// An object header, version 1: messages that together are a dataset or a group. "IV.A.1.a".

#pragma once

#include <cstddef>
#include <cstdint>

#include "hdf5_format/byte_writer.hpp"

namespace h5dcp::hdf5_format {

enum class Message : std::uint16_t {
  dataspace = 0x01,
  datatype = 0x03,
  fill_value = 0x05,
  data_layout = 0x08,
  filter_pipeline = 0x0B,
  attribute = 0x0C,
  symbol_table = 0x11,
};

enum class MessageFlags : std::uint8_t { none = 0, constant = 1 };

inline constexpr std::size_t kHeaderPrefixBytes = 16;
inline constexpr std::size_t kMessagePrefixBytes = 8;
inline constexpr std::size_t kMostMessageBytes = 65528;  // the last multiple of 8 in 16 bits

// With the message's prefix.
constexpr std::size_t message_bytes(std::size_t body) {
  return kMessagePrefixBytes + padded(body);
}

// `nbytes`: of all messages, with their prefixes.
inline void put_header_prefix(ByteWriter& out, std::size_t messages, std::size_t nbytes) {
  out.u8(1);  // version
  out.u8(0);
  out.u16(static_cast<std::uint16_t>(messages));
  out.u32(1);  // links to it
  out.u32(static_cast<std::uint32_t>(nbytes));
  out.u32(0);
}

inline void put_message_prefix(ByteWriter& out, Message type, std::size_t body,
                               MessageFlags flags = MessageFlags::none) {
  out.u16(static_cast<std::uint16_t>(type));
  out.u16(static_cast<std::uint16_t>(padded(body)));
  out.u8(static_cast<std::uint8_t>(flags));
  out.zeros(3);
}

}  // namespace h5dcp::hdf5_format
