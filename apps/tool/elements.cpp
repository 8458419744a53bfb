#include "elements.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <complex>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <variant>

#include "h5dcp/error.hpp"

namespace tool {
namespace {

using h5dcp::DType;

template <class T>
T at(const std::byte* data) {
  T value;
  std::memcpy(&value, data, sizeof value);
  return value;
}

template <class T>
void append_number(std::string& text, T number) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  const std::string_view written(digits.data(), static_cast<std::size_t>(end - digits.data()));
  text += written;
  if (std::is_floating_point_v<T> && written.find_first_not_of("-0123456789") == written.npos) {
    text += ".0";  // not an integer
  }
}

template <class T>
void append_float(std::string& text, T number, Style style) {
  if (std::isfinite(number)) return append_number(text, number);
  const std::string_view name = std::isnan(number) ? "nan" : number > 0 ? "inf" : "-inf";
  if (style == Style::text) {
    text += name;
  } else {
    text.append(R"({"$float": ")").append(name).append("\"}");
  }
}

template <class T>
void append_complex(std::string& text, std::complex<T> number, Style style) {
  if (style == Style::json) {
    text += "{\"$complex\": [";
    append_float(text, number.real(), style);
    text += ", ";
    append_float(text, number.imag(), style);
    text += "]}";
    return;
  }
  append_float(text, number.real(), style);
  if (!std::signbit(number.imag()) || std::isnan(number.imag())) text += '+';
  append_float(text, number.imag(), style);
  text += 'j';
}

Json float_json(double number) {
  if (std::isfinite(number)) return number;
  return {{"$float", std::isnan(number) ? "nan" : number > 0 ? "inf" : "-inf"}};
}

Json list_json(const h5dcp::List& list) {
  Json made = Json::array();
  for (const auto& item : list) made.push_back(to_json(item));
  return made;
}

Json map_json(const h5dcp::Map& map) {
  Json made = Json::object();
  for (const auto& [key, item] : map) made[key] = to_json(item);
  const bool looks_tagged = map.size() == 1 && map.begin()->first.starts_with('$');
  return looks_tagged ? Json{{"$map", std::move(made)}} : made;
}

}  // namespace

DType widened(DType dtype) {
  switch (dtype) {
    case DType::float16:
    case DType::bfloat16:
    case DType::float8_e5m2:
    case DType::float8_e4m3fn:
    case DType::float8_e5m2fnuz:
    case DType::float8_e4m3fnuz:
    case DType::float8_e8m0fnu:
      return DType::float32;
    case DType::int8:
    case DType::int16:
    case DType::int32:
      return DType::int64;
    case DType::uint8:
    case DType::uint16:
    case DType::uint32:
      return DType::uint64;
    case DType::complex32:
      return DType::complex64;
    default:
      return dtype;
  }
}

void append_element(std::string& text, DType wide, const std::byte* data, Style style) {
  switch (wide) {
    case DType::boolean:
      text += at<std::uint8_t>(data) != 0 ? "true" : "false";
      return;
    case DType::int64:
      return append_number(text, at<std::int64_t>(data));
    case DType::uint64:
      return append_number(text, at<std::uint64_t>(data));
    case DType::float32:
      return append_float(text, at<float>(data), style);
    case DType::float64:
      return append_float(text, at<double>(data), style);
    case DType::complex64:
      return append_complex(text, at<std::complex<float>>(data), style);
    case DType::complex128:
      return append_complex(text, at<std::complex<double>>(data), style);
    default:
      throw h5dcp::Error(h5dcp::ErrorCode::internal, "not a wide dtype");
  }
}

Json to_json(const h5dcp::Value& value) {
  return std::visit(
      [](const auto& item) -> Json {
        using T = std::decay_t<decltype(item)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return nullptr;
        } else if constexpr (std::is_same_v<T, double>) {
          return float_json(item);
        } else if constexpr (std::is_same_v<T, std::complex<double>>) {
          return {{"$complex", Json::array({float_json(item.real()), float_json(item.imag())})}};
        } else if constexpr (std::is_same_v<T, h5dcp::Bytes>) {
          return {{"$bytes", hex(item)}};
        } else if constexpr (std::is_same_v<T, h5dcp::List>) {
          return list_json(item);
        } else if constexpr (std::is_same_v<T, h5dcp::Map>) {
          return map_json(item);
        } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::int64_t> ||
                             std::is_same_v<T, std::string>) {
          return item;
        } else {
          throw h5dcp::Error(h5dcp::ErrorCode::internal, "a tensor inside of a value");
        }
      },
      static_cast<const h5dcp::Value::variant&>(value));
}

}  // namespace tool
