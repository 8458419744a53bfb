// Values as bytes of a message: little-endian, integers as varints (7 bits a byte, low ones first).

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "h5dcp/box.hpp"
#include "h5dcp/bytes.hpp"
#include "h5dcp/extents.hpp"

namespace h5dcp {

class WireWriter {
 public:
  void varint(std::uint64_t value);
  void fixed64(std::uint64_t value);
  void bytes(std::span<const std::uint8_t> value);  // with its length
  void text(std::string_view value);                // with its length
  void extents(const Extents& value);               // without its length; none may be negative
  void box(const Box& value);                       // without its dims

  bool empty() const { return out_.empty(); }
  std::size_t size() const { return out_.size(); }
  Bytes take() { return std::exchange(out_, {}); }  // and begins anew
  Bytes take_copy();  // the same, and keeps its memory: for many short messages

 private:
  Bytes out_;
};

// Reads what a WireWriter wrote. Every method throws Error{corrupt} past the end.
class WireReader {
 public:
  explicit WireReader(std::span<const std::uint8_t> in) : in_(in) {}

  std::uint64_t varint();
  std::uint64_t fixed64();
  Bytes bytes();
  std::span<const std::uint8_t> bytes_view();  // into the message
  std::string text();
  std::string_view text_view();  // into the message
  Extents extents(std::size_t dims);
  Box box(std::size_t dims);
  Bytes rest();  // all that is left

  bool at_end() const { return in_.empty(); }

 private:
  std::span<const std::uint8_t> next(std::size_t count);

  std::span<const std::uint8_t> in_;
};

}  // namespace h5dcp
