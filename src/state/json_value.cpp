#include "state/json_value.hpp"

#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/float_environment.hpp"
#include "base/utf8.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostNested = 256;  // lists and maps in each other: both ways recurse

// What an object with one key adds around a map, and a complex number around its parts.
constexpr std::size_t kMostNestedInText = 2 * kMostNested + 3;

constexpr const char* kTooDeep = "lists and maps are nested more than 256 deep";

// Whether an object with these keys looks like one of ours.
bool looks_tagged(std::size_t keys, const std::string& first) {
  return keys == 1 && first.starts_with('$');
}

// Appends values to a text.
class Writer {
 public:
  explicit Writer(std::string& text) : text_(text) {}

  // `depth` is how many lists and maps the value is in.
  void write(const Value& value, std::size_t depth) {
    if (depth > kMostNested) {
      throw Error(ErrorCode::unsupported, std::string("store a value: ") + kTooDeep);
    }
    depth_ = depth;
    std::visit(*this, static_cast<const Value::variant&>(value));
  }

  // One overload for each alternative of Value.
  void operator()(std::monostate) { text_ += "null"; }
  void operator()(bool value) { text_ += value ? "true" : "false"; }
  void operator()(std::int64_t value) { text_ += std::to_string(value); }
  void operator()(double value) {
    if (std::isfinite(value)) {
      text_ += Json(value).dump();
    } else {
      text_ += std::isnan(value) ? R"({"$float":"nan"})"
               : value > 0       ? R"({"$float":"inf"})"
                                 : R"({"$float":"-inf"})";
    }
  }
  void operator()(std::complex<double> value) {
    text_ += R"({"$complex":[)";
    (*this)(value.real());
    text_ += ',';
    (*this)(value.imag());
    text_ += "]}";
  }
  void operator()(const std::string& value) {
    if (!is_utf8(value)) {
      throw Error(ErrorCode::invalid_argument, "store a string: it is not UTF-8; use bytes");
    }
    text_ += Json(value).dump();
  }
  void operator()(const Bytes& value) {
    constexpr const char* kDigits = "0123456789abcdef";
    text_ += R"({"$bytes":")";
    for (const auto byte : value) {
      text_ += kDigits[byte >> 4];
      text_ += kDigits[byte & 0xf];
    }
    text_ += R"("})";
  }
  void operator()(const List& list) {
    const auto inside = depth_ + 1;
    text_ += '[';
    for (const auto& value : list) {
      if (&value != &list.front()) text_ += ',';
      write(value, inside);
    }
    text_ += ']';
  }
  void operator()(const Map& map) {
    const auto inside = depth_ + 1;
    const bool tagged = !map.empty() && looks_tagged(map.size(), map.begin()->first);
    text_ += tagged ? R"({"$map":{)" : "{";
    bool first = true;
    for (const auto& [key, value] : map) {
      if (!first) text_ += ',';
      first = false;
      (*this)(key);
      text_ += ':';
      write(value, inside);
    }
    text_ += tagged ? "}}" : "}";
  }
  void operator()(const TensorView&) { refuse("a tensor in it"); }
  void operator()(const ShardedTensor&) { refuse("a tensor in it"); }
  void operator()(Stateful*) { refuse("a Stateful in it, of which only save() knows the state"); }

 private:
  [[noreturn]] static void refuse(const std::string& what) {
    throw Error(ErrorCode::unsupported, "store a value: there is " + what);
  }

  std::string& text_;
  std::size_t depth_ = 0;
};

Error corrupt(const std::string& why) {
  return {ErrorCode::corrupt, "read a value from JSON: " + why};
}

// Receives the text from the parser, part by part, and makes a Value of it in which all objects are
// maps. Each part costs the same however many came before, and none recurses.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Value take() { return std::move(whole_); }

  bool null() override { return put({}); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(std::int64_t value) override { return put(value); }
  bool number_unsigned(std::uint64_t value) override {
    if (value > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) throw too_many_bits();
    return put(static_cast<std::int64_t>(value));
  }
  bool number_float(double value, const std::string& text) override {
    if (text.find_first_of(".eE") == text.npos) throw too_many_bits();
    return put(value);
  }
  bool string(std::string& value) override { return put(std::move(value)); }
  bool binary(Json::binary_t& /*value*/) override { throw corrupt("unknown kind of value"); }
  bool start_object(std::size_t /*elements*/) override { return open(Map()); }
  bool start_array(std::size_t /*elements*/) override { return open(List()); }
  bool key(std::string& value) override {
    key_of_.back() = std::move(value);
    return true;
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t /*position*/, const std::string& /*last_token*/,
                   const nlohmann::detail::exception& error) override {
    constexpr std::size_t kMostText = 200;  // it quotes the token, which may be the whole text
    throw corrupt(std::string(error.what()).substr(0, kMostText));
  }

 private:
  static Error too_many_bits() { return corrupt("an integer of more than 64 bits with its sign"); }

  bool put(Value value) {
    if (open_.empty()) {
      whole_ = std::move(value);
    } else if (auto* const list = std::get_if<List>(&open_.back())) {
      list->push_back(std::move(value));
    } else {
      std::get<Map>(open_.back())[key_of_.back()] = std::move(value);
    }
    return true;
  }
  bool open(Value container) {
    if (open_.size() == kMostNestedInText) throw corrupt(kTooDeep);
    open_.push_back(std::move(container));
    key_of_.emplace_back();
    return true;
  }
  bool close() {
    Value closed = std::move(open_.back());
    open_.pop_back();
    key_of_.pop_back();
    return put(std::move(closed));
  }

  std::vector<Value> open_;          // containers that have not ended, each in the one before it
  std::vector<std::string> key_of_;  // the key that was read last, of each that is a map
  Value whole_;
};

double float_of(const Value& value) {
  if (const auto* const number = std::get_if<double>(&value)) return *number;
  const auto* const map = std::get_if<Map>(&value);
  if (map != nullptr && map->size() == 1 && map->begin()->first == "$float") {
    const auto* const name = std::get_if<std::string>(&map->begin()->second);
    if (name != nullptr && *name == "nan") return std::numeric_limits<double>::quiet_NaN();
    if (name != nullptr && *name == "inf") return std::numeric_limits<double>::infinity();
    if (name != nullptr && *name == "-inf") return -std::numeric_limits<double>::infinity();
  }
  throw corrupt("there is something else in place of a float");
}

std::uint8_t digit(char character) {
  if (character >= '0' && character <= '9') return static_cast<std::uint8_t>(character - '0');
  if (character >= 'a' && character <= 'f') return static_cast<std::uint8_t>(character - 'a' + 10);
  throw corrupt("bytes are not hexadecimal");
}

Bytes bytes_of(const Value& value) {
  const auto* const text = std::get_if<std::string>(&value);
  if (text == nullptr) throw corrupt("bytes are no string");
  if (text->size() % 2 != 0) throw corrupt("bytes have half a byte");
  Bytes bytes;
  bytes.reserve(text->size() / 2);
  for (std::size_t i = 0; i < text->size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(digit((*text)[i]) << 4 | digit((*text)[i + 1])));
  }
  return bytes;
}

void untag(Value& value, std::size_t depth);

void untag_map(Value& value, std::size_t depth) {
  auto* const map = std::get_if<Map>(&value);
  if (map == nullptr) throw corrupt("a map is no object");
  for (auto& entry : *map) untag(entry.second, depth + 1);
}

// Makes of a map what it stands for: itself, or what JSON lacks.
void untag_object(Value& value, std::size_t depth) {
  auto& map = std::get<Map>(value);
  if (map.empty()) return;
  auto& [key, content] = *map.begin();
  if (!looks_tagged(map.size(), key)) return untag_map(value, depth);
  if (key == "$map") {
    Value inner = std::move(content);
    untag_map(inner, depth);
    value = std::move(inner);
  } else if (key == "$float") {
    value = float_of(value);
  } else if (key == "$bytes") {
    value = bytes_of(content);
  } else {
    const auto* const parts = std::get_if<List>(&content);
    if (key != "$complex" || parts == nullptr || parts->size() != 2) {
      throw corrupt("an object whose one key begins with '$' is none that is known");
    }
    value = std::complex<double>(float_of((*parts)[0]), float_of((*parts)[1]));
  }
}

// Makes of the maps in `value`, which is in `depth` lists and maps, what they stand for.
void untag(Value& value, std::size_t depth) {
  if (depth > kMostNested) throw corrupt(kTooDeep);
  if (std::holds_alternative<Map>(value)) {
    untag_object(value, depth);
  } else if (auto* const list = std::get_if<List>(&value)) {
    for (auto& element : *list) untag(element, depth + 1);
  }
}

}  // namespace

std::string to_json(const Value& value) {
  const DefaultFloatEnvironment exact;
  std::string text;
  Writer(text).write(value, 0);
  return text;
}

Value from_json(std::string_view text) {
  const DefaultFloatEnvironment exact;
  Builder builder;
  Json::sax_parse(text, &builder);  // what is wrong throws
  Value value = builder.take();
  untag(value, 0);
  return value;
}

}  // namespace h5dcp
