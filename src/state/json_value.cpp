#include "state/json_value.hpp"

#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "base/utf8.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

using Json = nlohmann::ordered_json;  // maps keep their order

constexpr int kMaxDepth = 256;  // of lists and maps in each other: both ways recurse

Json tagged(const char* tag, Json content) {
  Json object = Json::object();
  object[tag] = std::move(content);
  return object;
}

Json encode(double number) {
  if (std::isnan(number)) return tagged("$float", "nan");
  if (std::isinf(number)) return tagged("$float", number > 0 ? "inf" : "-inf");
  return number;
}

std::string hexadecimal(const Bytes& bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const auto byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xf];
  }
  return text;
}

std::string checked(const std::string& text) {
  if (!is_utf8(text)) {
    throw Error(ErrorCode::invalid_argument, "store a string: it is not UTF-8; use bytes");
  }
  return text;
}

// Whether an object with these keys looks like one of ours.
bool looks_tagged(std::size_t keys, const std::string& first) {
  return keys == 1 && first.starts_with('$');
}

Json encode(const Value& value, int depth);

// One overload for each alternative of Value.
struct Encoder {
  int depth;

  Json operator()(std::monostate) const { return nullptr; }
  Json operator()(bool value) const { return value; }
  Json operator()(std::int64_t value) const { return value; }
  Json operator()(double value) const { return encode(value); }
  Json operator()(std::complex<double> value) const {
    return tagged("$complex", Json::array({encode(value.real()), encode(value.imag())}));
  }
  Json operator()(const std::string& value) const { return checked(value); }
  Json operator()(const Bytes& value) const { return tagged("$bytes", hexadecimal(value)); }
  Json operator()(const List& list) const {
    Json array = Json::array();
    for (const auto& value : list) array.push_back(encode(value, depth + 1));
    return array;
  }
  Json operator()(const Map& map) const {
    Json object = Json::object();
    for (const auto& [key, value] : map) object[checked(key)] = encode(value, depth + 1);
    if (!map.empty() && looks_tagged(map.size(), map.begin()->first)) {
      return tagged("$map", std::move(object));
    }
    return object;
  }
  Json operator()(const TensorView&) const { return refuse_tensor(); }
  Json operator()(const ShardedTensor&) const { return refuse_tensor(); }
  Json operator()(Stateful*) const {
    throw Error(ErrorCode::unsupported,
                "store a value: there is a Stateful in it, of which only save() knows the state");
  }

  static Json refuse_tensor() {
    throw Error(ErrorCode::unsupported, "store a value: there is a tensor in it");
  }
};

Json encode(const Value& value, int depth) {
  if (depth > kMaxDepth) {
    throw Error(ErrorCode::unsupported, "store a value: lists and maps are nested more than " +
                                            std::to_string(kMaxDepth) + " deep");
  }
  return std::visit(Encoder{depth}, static_cast<const Value::variant&>(value));
}

Error corrupt(const std::string& why) {
  return {ErrorCode::corrupt, "read a value from JSON: " + why};
}

double decode_double(const Json& json) {
  if (json.is_number_float()) return json.get<double>();
  if (json.is_object() && json.size() == 1 && json.contains("$float")) {
    const Json& name = json["$float"];
    if (name == "nan") return std::numeric_limits<double>::quiet_NaN();
    if (name == "inf") return std::numeric_limits<double>::infinity();
    if (name == "-inf") return -std::numeric_limits<double>::infinity();
  }
  throw corrupt("this is no float: " + json.dump());
}

std::uint8_t digit(char character) {
  if (character >= '0' && character <= '9') return static_cast<std::uint8_t>(character - '0');
  if (character >= 'a' && character <= 'f') return static_cast<std::uint8_t>(character - 'a' + 10);
  throw corrupt("bytes are not hexadecimal");
}

Bytes decode_bytes(const Json& json) {
  if (!json.is_string()) throw corrupt("bytes are no string");
  const auto& text = json.get_ref<const std::string&>();
  if (text.size() % 2 != 0) throw corrupt("bytes have half a byte");
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(digit(text[i]) << 4 | digit(text[i + 1])));
  }
  return bytes;
}

Value decode(const Json& json, int depth);

Map decode_map(const Json& object, int depth) {
  if (!object.is_object()) throw corrupt("a map is no object");
  Map map;
  for (const auto& [key, value] : object.items()) map[key] = decode(value, depth + 1);
  return map;
}

Value decode_object(const Json& object, int depth) {
  if (object.empty()) return Map();
  const auto& key = object.begin().key();
  const Json& content = *object.begin();
  if (!looks_tagged(object.size(), key)) return decode_map(object, depth);
  if (key == "$map") return decode_map(content, depth);
  if (key == "$float") return decode_double(object);
  if (key == "$bytes") return decode_bytes(content);
  if (key == "$complex" && content.is_array() && content.size() == 2) {
    return std::complex<double>(decode_double(content[0]), decode_double(content[1]));
  }
  throw corrupt("unknown " + object.dump());
}

Value decode(const Json& json, int depth) {
  if (depth > kMaxDepth) throw corrupt("it is nested too deeply");
  switch (json.type()) {
    case Json::value_t::null:
      return {};
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::number_integer:
      return json.get<std::int64_t>();
    case Json::value_t::number_float:
      return json.get<double>();
    case Json::value_t::string:
      return json.get<std::string>();
    case Json::value_t::object:
      return decode_object(json, depth);
    case Json::value_t::number_unsigned: {
      const auto number = json.get<std::uint64_t>();
      if (number > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
        throw corrupt("an integer of more than 64 bits with its sign");
      }
      return static_cast<std::int64_t>(number);
    }
    case Json::value_t::array: {
      List list;
      list.reserve(json.size());
      for (const auto& element : json) list.push_back(decode(element, depth + 1));
      return list;
    }
    default:
      throw corrupt("unknown kind of value");
  }
}

}  // namespace

std::string to_json(const Value& value) {
  return encode(value, 0).dump();
}

Value from_json(std::string_view text) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::exception& error) {
    throw corrupt(error.what());
  }
  return decode(json, 0);
}

}  // namespace h5dcp
