#include "layout/dataset_name.hpp"

namespace h5dcp {

void append_component(std::string& path, std::string_view component) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  if (component.empty()) path += '%';
  for (const char c : component) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '%' || c == '/' || byte < 0x20 || byte == 0x7F) {
      path += '%';
      path += kHex[byte / 16];
      path += kHex[byte % 16];
    } else {
      path += c;
    }
  }
}

std::string dataset_path(std::string_view fqn, bool is_prefix) {
  std::string path = "/state";
  for (std::size_t first = 0;;) {
    const auto dot = fqn.find('.', first);
    path += '/';
    append_component(path, fqn.substr(first, dot - first));
    if (dot == std::string_view::npos) break;
    first = dot + 1;
  }
  if (is_prefix) path.append("/").append(kSelf);
  return path;
}

}  // namespace h5dcp
