// Random plain values and state dicts, for use inside RapidCheck properties.

#pragma once

#include <rapidcheck.h>

#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "h5dcp/state_dict.hpp"

namespace h5dcp {

// Keys and strings that have been somebody's separator, escape or terminator.
inline std::string any_text() {
  const auto pieces = *rc::gen::resize(
      3, rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
             "a", "b", "0", "1", "-1", "00", ".", "..", "/", "%", "$", "\"", "\\", "'", "\n", " ",
             std::string(1, '\0'), "\x7f", "é", "日本", "\xf0\x9f\x92\xbe", "$map", "$float")));
  std::string text;
  for (const auto& piece : pieces) text += piece;
  return text;
}

inline double any_double(bool with_nan) {
  using Limits = std::numeric_limits<double>;
  const double number = *rc::gen::weightedOneOf<double>(
      {{2, rc::gen::arbitrary<double>()},
       {1, rc::gen::element(0.0, -0.0, 0.1, 1e300, -1e-300, 1.0, 1e16, 9007199254740993.0,
                            Limits::max(), Limits::min(), Limits::denorm_min(), Limits::infinity(),
                            -Limits::infinity(), Limits::quiet_NaN())}});
  return std::isnan(number) && !with_nan ? 0.5 : number;
}

inline std::int64_t any_int64() {
  using Limits = std::numeric_limits<std::int64_t>;
  return *rc::gen::oneOf(
      rc::gen::arbitrary<std::int64_t>(),
      rc::gen::element<std::int64_t>(Limits::min(), Limits::max(), 0, -1, 9007199254740993));
}

// No list, map or tensor.
inline Value any_leaf(bool with_nan) {
  switch (*rc::gen::inRange(0, 7)) {
    case 0:
      return {};
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return any_int64();
    case 3:
      return any_double(with_nan);
    case 4:
      return std::complex<double>(any_double(with_nan), any_double(with_nan));
    case 5:
      return any_text();
    default:
      return *rc::gen::arbitrary<Bytes>();
  }
}

// At most `depth` containers in each other. With `tensors`, leaves may be tensors.
inline Value any_value(int depth, bool with_nan, bool tensors) {
  const auto kind = depth > 0 ? *rc::gen::inRange(0, 5) : 0;
  if (kind == 3 || kind == 4) {
    const auto length = *rc::gen::inRange(0, 4);
    List list;
    for (int i = 0; i < length; ++i) list.push_back(any_value(depth - 1, with_nan, tensors));
    if (kind == 3) return list;
    Map map;
    for (auto& value : list) map[any_text()] = std::move(value);
    return map;
  }
  if (tensors && kind < 2) {
    static std::uint8_t memory[1];
    return contiguous_view(memory, DType::uint8, {*rc::gen::inRange<std::int64_t>(0, 2)});
  }
  return any_leaf(with_nan);
}

}  // namespace h5dcp
