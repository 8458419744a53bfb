#include "state/transformed_value.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/context.hpp"
#include "base/wire.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {

EntryKind stored_kind(EntryKind kind, const StreamTransforms& transforms) {
  const bool dataset = kind == EntryKind::scalar || kind == EntryKind::list;
  return transforms.empty() || dataset ? kind : EntryKind::transformed;
}

EncodedValue encode_value(const Value& value, const StreamTransforms& transforms) {
  EncodedValue encoded = encode_value(value);
  if (stored_kind(encoded.kind, transforms) != EntryKind::transformed) return encoded;
  if (transforms.size() > kMostTransforms) {
    throw Error(ErrorCode::unsupported,
                "transform a value by " + std::to_string(transforms.size()) +
                    " extensions: there may be at most " + std::to_string(kMostTransforms));
  }

  WireWriter header;
  header.varint(static_cast<std::uint64_t>(encoded.kind));
  header.varint(transforms.size());
  std::for_each(transforms.rbegin(), transforms.rend(), [&](const auto& transform) {
    const auto descriptor = transform->get_descriptor();
    header.text(descriptor);
    encoded.bytes = with_context("transform by '" + descriptor + "'",
                                 [&] { return transform->transform_to(encoded.bytes); });
  });
  Bytes stored = header.take();
  stored.insert(stored.end(), encoded.bytes.begin(), encoded.bytes.end());
  return {EntryKind::transformed, DType::uint8, {}, std::move(stored)};
}

Value restore_value(const Bytes& stored, const ExtensionRegistry& registry) {
  WireReader wire(stored);
  const auto number = wire.varint();
  if (number != static_cast<std::uint64_t>(EntryKind::json) &&
      number != static_cast<std::uint64_t>(EntryKind::bytes)) {
    throw Error(ErrorCode::corrupt, "a transformed value of kind " + std::to_string(number));
  }
  const EntryKind kind{static_cast<std::uint8_t>(number)};
  const auto count = wire.varint();
  if (count > kMostTransforms) {
    throw Error(ErrorCode::corrupt, "a value transformed by " + std::to_string(count) +
                                        " extensions, more than " +
                                        std::to_string(kMostTransforms));
  }
  std::vector<std::string> descriptors;  // in the order in which the value met them
  for (std::uint64_t i = 0; i < count; ++i) descriptors.push_back(wire.text());
  Bytes bytes = wire.rest();
  std::for_each(descriptors.rbegin(), descriptors.rend(), [&](const std::string& descriptor) {
    const auto transform = registry.from_descriptor(descriptor);
    bytes =
        with_context("undo '" + descriptor + "'", [&] { return transform->transform_from(bytes); });
  });
  return decode_value(kind, DType::uint8, {}, bytes);
}

}  // namespace h5dcp
