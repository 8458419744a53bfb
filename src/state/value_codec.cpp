#include "h5dcp/value_codec.hpp"

#include <algorithm>
#include <bit>
#include <complex>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>

#include "h5dcp/error.hpp"
#include "state/json_value.hpp"

namespace h5dcp {
namespace {

static_assert(std::endian::native == std::endian::little,
              "elements are stored as they are in memory");

template <typename T>
constexpr std::optional<DType> number_dtype() {
  if constexpr (std::is_same_v<T, bool>) return DType::boolean;
  if constexpr (std::is_same_v<T, std::int64_t>) return DType::int64;
  if constexpr (std::is_same_v<T, double>) return DType::float64;
  if constexpr (std::is_same_v<T, std::complex<double>>) return DType::complex128;
  return std::nullopt;
}

// The dtype of a number; nullopt if the value is none.
std::optional<DType> number_dtype(const Value& value) {
  return std::visit([]<typename T>(const T&) { return number_dtype<T>(); },
                    static_cast<const Value::variant&>(value));
}

// The one dtype of a list of numbers; nullopt if it is none, or empty.
std::optional<DType> numbers_dtype(const List& list) {
  if (list.empty()) return std::nullopt;
  const auto dtype = number_dtype(list.front());
  const bool alike =
      std::ranges::all_of(list, [&](const Value& value) { return number_dtype(value) == dtype; });
  return alike ? dtype : std::nullopt;
}

void append_number(Bytes& bytes, const Value& value) {
  std::visit(
      [&]<typename T>(const T& number) {
        if constexpr (number_dtype<T>().has_value()) {
          const auto end = bytes.size();
          bytes.resize(end + sizeof(T));
          std::memcpy(bytes.data() + end, &number, sizeof(T));
        }
      },
      static_cast<const Value::variant&>(value));
}

Error corrupt(const std::string& why) {
  return {ErrorCode::corrupt, "read a value: " + why};
}

template <typename T>
Value number_as(const std::uint8_t* bytes) {
  T number;
  std::memcpy(&number, bytes, sizeof(T));
  return number;
}

Value number_at(DType dtype, const std::uint8_t* bytes) {
  switch (dtype) {
    case DType::boolean:
      if (*bytes > 1) throw corrupt("a bool is " + std::to_string(*bytes));
      return *bytes == 1;
    case DType::int64:
      return number_as<std::int64_t>(bytes);
    case DType::float64:
      return number_as<double>(bytes);
    case DType::complex128:
      return number_as<std::complex<double>>(bytes);
    default:
      throw corrupt("no number of this kind is " + std::string(to_string(dtype)));
  }
}

}  // namespace

EncodedValue encode_value(const Value& value) {
  EncodedValue encoded;
  if (const auto* bytes = std::get_if<Bytes>(&value)) {
    encoded.bytes = *bytes;
    return encoded;
  }
  if (const auto dtype = number_dtype(value)) {
    encoded.kind = EntryKind::scalar;
    encoded.dtype = *dtype;
    append_number(encoded.bytes, value);
    return encoded;
  }
  const auto* const list = std::get_if<List>(&value);
  if (const auto dtype = list != nullptr ? numbers_dtype(*list) : std::nullopt) {
    encoded.kind = EntryKind::list;
    encoded.dtype = *dtype;
    encoded.size = {static_cast<std::int64_t>(list->size())};
    encoded.bytes.reserve(list->size() * itemsize(*dtype));
    for (const auto& number : *list) append_number(encoded.bytes, number);
    return encoded;
  }
  const std::string text = to_json(value);
  encoded.kind = EntryKind::json;
  encoded.bytes.assign(text.begin(), text.end());
  return encoded;
}

Value decode_value(EntryKind kind, DType dtype, const Extents& size,
                   std::span<const std::uint8_t> bytes) {
  const auto check_size = [&](std::size_t count) {
    if (bytes.size() / itemsize(dtype) != count || bytes.size() % itemsize(dtype) != 0) {
      throw corrupt(std::to_string(count) + " " + std::string(to_string(dtype)) + " in " +
                    std::to_string(bytes.size()) + " bytes");
    }
  };
  switch (kind) {
    case EntryKind::bytes:
    case EntryKind::transformed:  // only its extensions know what is in it
      return Bytes(bytes.begin(), bytes.end());
    case EntryKind::json:
      return from_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    case EntryKind::scalar:
      if (!size.empty()) throw corrupt("a scalar of sizes " + to_string(size));
      check_size(1);
      return number_at(dtype, bytes.data());
    case EntryKind::list: {
      if (size.size() != 1 || size[0] < 0) throw corrupt("a list of sizes " + to_string(size));
      check_size(static_cast<std::size_t>(size[0]));
      List list;
      list.reserve(bytes.size() / itemsize(dtype));
      for (std::size_t i = 0; i < bytes.size(); i += itemsize(dtype)) {
        list.push_back(number_at(dtype, bytes.data() + i));
      }
      return list;
    }
    default:
      throw corrupt("entry kind " + std::to_string(static_cast<int>(kind)));
  }
}

}  // namespace h5dcp
