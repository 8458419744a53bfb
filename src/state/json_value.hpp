// Plain values as JSON text, exactly.
//
// Null, bools, integers, floats, strings, lists and maps are JSON's own; a number with a fraction
// or an exponent is a float, one without an integer. What JSON lacks is an object with one key:
//   {"$float": "nan"}, also "inf" and "-inf"
//   {"$complex": [real, imaginary]}, both floats as above
//   {"$bytes": "00ff"}, two hexadecimal digits a byte
//   {"$map": {...}}, a map with one key that begins with "$"
// Part of the format.

#pragma once

#include <string>
#include <string_view>

#include "h5dcp/state_dict.hpp"

namespace h5dcp {

// Throws Error{unsupported} for a tensor or very deep nesting, Error{invalid_argument} for a string
// that is not UTF-8.
std::string to_json(const Value& value);

// The inverse. Throws Error{corrupt} if the text is no such JSON.
Value from_json(std::string_view text);

}  // namespace h5dcp
