#include "svg_elements.hpp"

#include <iomanip>
#include <sstream>
#include <string_view>

#include "text.hpp"

namespace tool::svg {

std::string xml(const std::string& text) {
  std::string made;
  for (const char c : printable(text)) {
    switch (c) {
      case '&':
        made += "&amp;";
        break;
      case '<':
        made += "&lt;";
        break;
      case '>':
        made += "&gt;";
        break;
      case '"':
        made += "&quot;";
        break;
      default:
        made += c;
    }
  }
  for (const std::string_view none : {"\xEF\xBF\xBE", "\xEF\xBF\xBF"}) {  // no characters to XML
    for (auto at = made.find(none); at != made.npos; at = made.find(none)) {
      made.replace(at, none.size(), "\xEF\xBF\xBD");
    }
  }
  return made;
}

std::string number(double value) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(3) << value;
  return text.str();
}

std::string attribute(const char* name, const std::string& value) {
  return std::string(" ") + name + "=\"" + value + "\"";
}

std::string attribute(const char* name, double value) {
  return attribute(name, number(value));
}

std::string page(double width, double height, const std::string& elements) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg"
         " xmlns=\"http://www.w3.org/2000/svg\"" +
         attribute("width", width) + attribute("height", height) +
         attribute("viewBox", "0 0 " + number(width) + " " + number(height)) +
         " font-family=\"sans-serif\" font-size=\"12\">\n" + elements + "</svg>\n";
}

}  // namespace tool::svg
