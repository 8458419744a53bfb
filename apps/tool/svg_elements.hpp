// What SVG drawings are written with.

#pragma once

#include <string>

namespace tool::svg {

inline constexpr double kLetter = 7;  // pixels: about the width of one

// Text between tags or in an attribute. Control characters, which XML has no place for, are escaped
// as everywhere in the tool.
std::string xml(const std::string& text);

std::string number(double value);

// ` name="value"`; the value is XML already.
std::string attribute(const char* name, const std::string& value);
std::string attribute(const char* name, double value);

// The whole file: elements on a page of that many pixels.
std::string page(double width, double height, const std::string& elements);

}  // namespace tool::svg
