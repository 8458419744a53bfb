#include "h5dcp/value_codec.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <string>

#include "any_value.hpp"
#include "float_environments.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/flatten.hpp"

namespace h5dcp {
namespace {

constexpr auto kInt64Min = std::numeric_limits<std::int64_t>::min();
constexpr auto kInt64Max = std::numeric_limits<std::int64_t>::max();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

Value decoded(const EncodedValue& value) {
  return decode_value(value.kind, value.dtype, value.size, value.bytes);
}

TEST(ValueCodec, StoresNumbersAsElements) {
  struct Case {
    const char* why;
    Value value;
    EntryKind kind;
    DType dtype;
    Extents size;
    Bytes bytes;
  };
  const Case cases[] = {
      {"true", true, EntryKind::scalar, DType::boolean, {}, {1}},
      {"the least integer",
       kInt64Min,
       EntryKind::scalar,
       DType::int64,
       {},
       {0, 0, 0, 0, 0, 0, 0, 0x80}},
      {"minus zero", -0.0, EntryKind::scalar, DType::float64, {}, {0, 0, 0, 0, 0, 0, 0, 0x80}},
      {"nan", kNan, EntryKind::scalar, DType::float64, {}, {0, 0, 0, 0, 0, 0, 0xf8, 0x7f}},
      {"a complex number",
       std::complex<double>(1, -2),
       EntryKind::scalar,
       DType::complex128,
       {},
       {0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0}},
      {"bools", List{true, false}, EntryKind::list, DType::boolean, {2}, {1, 0}},
      {"one integer", List{258}, EntryKind::list, DType::int64, {1}, {2, 1, 0, 0, 0, 0, 0, 0}},
      {"bytes", Bytes{0, 255}, EntryKind::bytes, DType::uint8, {}, {0, 255}},
      {"no bytes", Bytes(), EntryKind::bytes, DType::uint8, {}, {}},
  };
  for (const auto& c : cases) {
    const auto encoded = encode_value(c.value);
    EXPECT_EQ(encoded.kind, c.kind) << c.why;
    EXPECT_EQ(encoded.dtype, c.dtype) << c.why;
    EXPECT_EQ(encoded.size, c.size) << c.why;
    EXPECT_EQ(encoded.bytes, c.bytes) << c.why;
  }
}

TEST(ValueCodec, StoresTheRestAsJson) {
  struct Case {
    const char* why;
    Value value;
    const char* json;
  };
  const Case cases[] = {
      {"null", {}, "null"},
      {"text", "a\"é\n", R"("a\"é\n")"},
      {"an empty list", List(), "[]"},
      {"an empty map", Map(), "{}"},
      {"integers and floats", List{1, 1.0, -0.0}, "[1,1.0,-0.0]"},
      {"the ends of int64", List{kInt64Min, kInt64Max, {}},
       "[-9223372036854775808,9223372036854775807,null]"},
      {"a float that needs all digits", List{0.1 + 0.2, true}, "[0.30000000000000004,true]"},
      {"what JSON lacks", List{kNan, kInf, -kInf, 0},
       R"([{"$float":"nan"},{"$float":"inf"},{"$float":"-inf"},0])"},
      {"a complex number", List{std::complex<double>(0.5, kInf), 0},
       R"([{"$complex":[0.5,{"$float":"inf"}]},0])"},
      {"bytes", List{Bytes{0, 255, 16}}, R"([{"$bytes":"00ff10"}])"},
      {"lists in lists", List{List{1, 2}, List()}, "[[1,2],[]]"},
      {"a map keeps its order", Map{{"b", 1}, {"a", 2}}, R"({"b":1,"a":2})"},
      {"a map that looks like ours", Map{{"$float", "nan"}}, R"({"$map":{"$float":"nan"}})"},
  };
  for (const auto& c : cases) {
    const auto encoded = encode_value(c.value);
    EXPECT_EQ(encoded.kind, EntryKind::json) << c.why;
    EXPECT_EQ(std::string(encoded.bytes.begin(), encoded.bytes.end()), c.json) << c.why;
  }
}

Value nested(int depth) {
  Value value = List();
  for (int i = 1; i < depth; ++i) value = List{std::move(value)};
  return value;
}

TEST(ValueCodec, RefusesWhatItCannotStore) {
  float memory = 0;
  const Value tensor = contiguous_view(&memory, DType::float32, {});
  struct Case {
    const char* why;
    Value value;
    ErrorCode code;
    const char* expected;
  };
  const Case cases[] = {
      {"a tensor", tensor, ErrorCode::unsupported, "store a value: there is a tensor in it"},
      {"a sharded tensor in a list", List{1, ShardedTensor()}, ErrorCode::unsupported,
       "store a value: there is a tensor in it"},
      {"a string that is not UTF-8", List{"\xff"}, ErrorCode::invalid_argument,
       "store a string: it is not UTF-8; use bytes"},
      {"a key that is not UTF-8", Map{{"\xff", 1}}, ErrorCode::invalid_argument,
       "store a string: it is not UTF-8; use bytes"},
      {"nested too deeply", nested(258), ErrorCode::unsupported,
       "store a value: lists and maps are nested more than 256 deep"},
  };
  for (const auto& c : cases) {
    try {
      encode_value(c.value);
      ADD_FAILURE() << "no error: " << c.why;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), c.code) << c.why;
      EXPECT_STREQ(error.what(), c.expected) << c.why;
    }
  }
  EXPECT_EQ(decoded(encode_value(nested(256))), nested(256));
}

TEST(ValueCodec, RefusesBytesThatAreNoValue) {
  struct Case {
    const char* why;
    EntryKind kind;
    DType dtype;
    Extents size;
    Bytes bytes;
  };
  const Case cases[] = {
      {"a bool that is neither", EntryKind::scalar, DType::boolean, {}, {2}},
      {"half an integer", EntryKind::scalar, DType::int64, {}, {1, 2, 3, 4}},
      {"two integers", EntryKind::scalar, DType::int64, {}, Bytes(16)},
      {"no integer", EntryKind::scalar, DType::int64, {}, {}},
      {"a scalar with a size", EntryKind::scalar, DType::int64, {1}, Bytes(8)},
      {"a scalar of another type", EntryKind::scalar, DType::float32, {}, Bytes(4)},
      {"a list of another length", EntryKind::list, DType::int64, {3}, Bytes(16)},
      {"a list of a negative length", EntryKind::list, DType::int64, {-1}, Bytes(8)},
      {"a list with a rest", EntryKind::list, DType::int64, {1}, Bytes(9)},
      {"a list of two dimensions", EntryKind::list, DType::int64, {1, 1}, Bytes(8)},
      {"a list of another type", EntryKind::list, DType::int32, {1}, Bytes(4)},
      {"a tensor", EntryKind::tensor, DType::float32, {}, Bytes(4)},
      {"no kind at all", EntryKind{77}, DType::uint8, {}, {}},
  };
  for (const auto& c : cases) {
    try {
      decode_value(c.kind, c.dtype, c.size, c.bytes);
      ADD_FAILURE() << "no error: " << c.why;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt) << c.why;
    }
  }
}

TEST(ValueCodec, RefusesJsonThatIsNoValue) {
  const std::string deep(100000, '[');
  const std::string deep_closed = std::string(1000, '[') + std::string(1000, ']');
  const std::string very_deep = std::string(100000, '[') + std::string(100000, ']');
  const std::string deep_map = R"({"a":)" + very_deep + "}";
  for (const std::string& json : {std::string(),
                                  std::string("["),
                                  std::string("nul"),
                                  std::string("1 2"),
                                  std::string("NaN"),
                                  std::string("1e999"),
                                  std::string("9223372036854775808"),
                                  std::string("\"\xff\""),
                                  std::string(R"({"$float":"huge"})"),
                                  std::string(R"({"$bytes":"0"})"),
                                  std::string(R"({"$bytes":"0G"})"),
                                  std::string(R"({"$bytes":1})"),
                                  std::string(R"({"$complex":[1.0]})"),
                                  std::string(R"({"$complex":["a",1.0]})"),
                                  std::string(R"({"$map":1})"),
                                  std::string(R"({"$new":1})"),
                                  deep,
                                  deep_closed,
                                  very_deep,
                                  deep_map,
                                  R"({"$new":)" + very_deep + "}",
                                  R"({"$float":)" + very_deep + "}",
                                  R"({"$complex":[)" + very_deep + ",1.0]}",
                                  std::string(30, '9'),
                                  "-" + std::string(30, '9'),
                                  "[" + std::string(100000, 'x')}) {
    try {
      decode_value(EntryKind::json, DType::uint8, {}, bytes_of(json));
      ADD_FAILURE() << "no error: " << json.substr(0, 40);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt) << json.substr(0, 40);
      EXPECT_LT(std::string(error.what()).size(), 500U) << json.substr(0, 40);
    }
  }
}

// A quadratic time would be minutes.
TEST(ValueCodec, StoresMapsOfManyKeys) {
  Map map;
  for (int i = 0; i < 100'000; ++i) map["key " + std::to_string(i)] = i;
  const Value value = List{std::move(map), {}};
  EXPECT_TRUE(decoded(encode_value(value)) == value);
}

TEST(ValueCodec, StoresMapsOfMapsThatLookLikeOurs) {
  for (const auto& value :
       {List{Map{{"$map", Map{{"$float", "nan"}}}}},
        List{Map{{"$map", Map{{"$float", "nan"}}}, {"x", 1}}},
        List{Map{{"$bytes", Map{{"$map", Map{{"$complex", List{1.0, 2.0}}}}}}}}}) {
    EXPECT_TRUE(decoded(encode_value(value)) == Value(value));
  }
}

// Equal to the last bit, but that all nans are one.
bool same(const Value& a, const Value& b);

bool same(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

bool same(const Value& a, const Value& b) {
  if (a.index() != b.index()) return false;
  if (const auto* number = std::get_if<double>(&a)) return same(*number, std::get<double>(b));
  if (const auto* number = std::get_if<std::complex<double>>(&a)) {
    const auto other = std::get<std::complex<double>>(b);
    return same(number->real(), other.real()) && same(number->imag(), other.imag());
  }
  if (const auto* list = std::get_if<List>(&a)) {
    return std::ranges::equal(*list, std::get<List>(b),
                              [](const Value& x, const Value& y) { return same(x, y); });
  }
  if (const auto* map = std::get_if<Map>(&a)) {  // in the same order
    return std::ranges::equal(*map, std::get<Map>(b), [](const auto& x, const auto& y) {
      return x.first == y.first && same(x.second, y.second);
    });
  }
  return a == b;
}

// Numbers as JSON, whatever floating-point environment the program has set.
TEST(ValueCodec, StoresTheSameNumbersInEveryFloatEnvironment) {
  using Limits = std::numeric_limits<double>;
  List list{{},
            0.1,
            1.0 / 3,
            0.1 + 0.2,
            1e23,
            123456789.123456789,
            5e-324,
            -5e-324,
            3e-310,
            -0.0,
            2.2250738585072011e-308,
            Limits::min(),
            Limits::max(),
            Limits::lowest(),
            kInf,
            -kInf,
            kNan,
            std::complex<double>(1e-310, 0.7)};
  std::uint64_t bits = 1;
  for (int i = 0; i < 1000; ++i) {
    bits = bits * 6364136223846793005 + 1442695040888963407;
    list.emplace_back(std::bit_cast<double>(bits));
  }
  const Value value = list;
  const auto expected = encode_value(value);
  for (const auto& [name, set] : test::float_environments()) {
    EncodedValue encoded;
    Value back;
    {
      const test::FloatEnvironment environment(set);
      encoded = encode_value(value);
      back = decoded(encoded);
    }
    EXPECT_EQ(encoded.bytes, expected.bytes) << name;
    EXPECT_TRUE(same(back, value)) << name;
  }
}

RC_GTEST_PROP(ValueCodec, ComesBack, ()) {
  const Value value = any_value(4, true, false);
  const auto encoded = encode_value(value);
  RC_CLASSIFY(encoded.kind == EntryKind::json, "json");
  RC_ASSERT(same(decoded(encoded), value));
}

RC_GTEST_PROP(ValueCodec, ListsOfNumbersComeBack, ()) {
  const auto kind = *rc::gen::inRange(0, 4);
  const auto length = *rc::gen::inRange(1, 20);
  List list;
  for (int i = 0; i < length; ++i) {
    switch (kind) {
      case 0:
        list.emplace_back(*rc::gen::arbitrary<bool>());
        break;
      case 1:
        list.emplace_back(any_int64());
        break;
      case 2:
        list.emplace_back(any_double(true));
        break;
      default:
        list.emplace_back(std::complex<double>(any_double(true), any_double(true)));
    }
  }
  const auto encoded = encode_value(list);
  RC_ASSERT(encoded.kind == EntryKind::list);
  RC_ASSERT(same(decoded(encoded), Value(list)));
}

}  // namespace
}  // namespace h5dcp
