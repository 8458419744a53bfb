// Values and paths of random bytes. The first byte says what the others are.

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "h5dcp/error.hpp"
#include "h5dcp/extension.hpp"
#include "h5dcp/flatten.hpp"
#include "h5dcp/value_codec.hpp"
#include "state/json_value.hpp"
#include "state/list_elements.hpp"
#include "state/transformed_value.hpp"

using namespace h5dcp;

namespace {

using Input = std::span<const std::uint8_t>;

std::string_view text_of(Input input) {
  return {reinterpret_cast<const char*>(input.data()), input.size()};
}

// What was read can be written, and is the same when it is read again.
void json(Input input) {
  const auto text = to_json(from_json(text_of(input)));
  if (to_json(from_json(text)) != text) std::abort();
}

void numbers(Input input) {
  if (input.empty()) return;
  const DType dtype{static_cast<std::uint8_t>(input[0] % kDTypes)};
  const auto bytes = input.subspan(1);
  const auto count = static_cast<std::int64_t>(bytes.size() / itemsize(dtype));
  const bool scalar = input[0] >= 128;
  const auto kind = scalar ? EntryKind::scalar : EntryKind::list;
  const auto value = decode_value(kind, dtype, scalar ? Extents() : Extents{count}, bytes);
  const auto back = encode_value(value);
  if (count > 0 && !std::ranges::equal(back.bytes, bytes)) std::abort();
}

// The first byte is the length of the encoded path.
void path(Input input) {
  if (input.empty() || input[0] > input.size() - 1) return;
  const auto encoded = text_of(input.subspan(1, input[0]));
  const auto fqn = text_of(input.subspan(1 + std::size_t{input[0]}));
  const auto decoded = decode_path(fqn, encoded);
  if (to_fqn(decoded) != fqn) std::abort();
  if (decode_path(fqn, encode_path(decoded)) != decoded) std::abort();
  ListElements lists;
  lists.add(decoded);
  static_cast<void>(lists.count());
}

void transformed(Input input) {
  static const ExtensionRegistry registry;
  static_cast<void>(restore_value({input.begin(), input.end()}, registry));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Input input{data + 1, size - 1};
  try {
    switch (data[0] % 4) {
      case 0:
        json(input);
        break;
      case 1:
        numbers(input);
        break;
      case 2:
        path(input);
        break;
      default:
        transformed(input);
    }
  } catch (const Error& error) {
    // An extension that nobody has is not supported.
    if (error.code() != ErrorCode::corrupt && error.code() != ErrorCode::unsupported) std::abort();
  }
  return 0;
}
