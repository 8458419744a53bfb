// Single elements of tensors, and plain values, as text.

#pragma once

#include <cstddef>
#include <string>

#include "h5dcp/state_dict.hpp"
#include "text.hpp"

namespace tool {

// A dtype that holds every element of `dtype` exactly, one of seven: bool, int64, uint64, float32,
// float64, complex64, complex128.
h5dcp::DType widened(h5dcp::DType dtype);

enum class Style {
  text,  // 1, 0.1, 1-2j, nan, true
  json,  // the same but for what JSON lacks: {"$float": "nan"}, {"$complex": [1.0, -2.0]}
};

// Appends the element at `data`, of one of the wide dtypes. Floats have as few digits as bring
// back the same float.
void append_element(std::string& text, h5dcp::DType wide, const std::byte* data, Style style);

// A plain value. What JSON lacks is written as docs/format.md has it.
Json to_json(const h5dcp::Value& value);

}  // namespace tool
