#include <algorithm>
#include <iostream>
#include <stdexcept>
#include <string>
#include <variant>

#include "elements.hpp"
#include "h5dcp/checkpoint_file.hpp"
#include "slice.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tool {
namespace {

using h5dcp::Box;
using h5dcp::Extents;

constexpr std::int64_t kElementsAtOnce = 1 << 18;  // of at most 16 bytes, as they are printed

// Calls `visit` with boxes of at most kElementsAtOnce elements that together are `box`, in
// row-major order, and row-major one after the other.
template <class Visit>
void for_each_part(const Box& box, std::size_t dim, const Visit& visit) {
  if (h5dcp::numel(box.sizes) <= kElementsAtOnce) return visit(box);
  Box rows = box;
  rows.sizes[dim] = 1;
  const auto row = h5dcp::numel(rows.sizes);
  const auto step = std::max<std::int64_t>(1, kElementsAtOnce / row);
  for (std::int64_t first = 0; first < box.sizes[dim]; first += step) {
    rows.offsets[dim] = box.offsets[dim] + first;
    rows.sizes[dim] = std::min(step, box.sizes[dim] - first);
    for_each_part(rows, dim + 1, visit);
  }
}

// Puts elements, which come in row-major order, into lines or into nested lists of JSON.
class Layout {
 public:
  Layout(const Slice& slice, Style style) : slice_(slice), style_(style) {
    for (const auto d : slice.kept) sizes_.push_back(slice.box.sizes[d]);
    index_.resize(sizes_.size());
  }

  void add(h5dcp::DType wide, const std::byte* element) {
    begin();
    append_element(text_, wide, element, style_);
    end();
    if (text_.size() > kFlushBytes) flush();
  }

  void flush() {
    if (!std::cout.write(text_.data(), static_cast<std::streamsize>(text_.size()))) {
      throw std::runtime_error("stdout: cannot be written");
    }
    text_.clear();
  }

 private:
  static constexpr std::size_t kFlushBytes = 1 << 16;

  // How many of the last dimensions this element is the first of, or the last.
  std::size_t edges(bool first) const {
    std::size_t count = 0;
    for (std::size_t d = sizes_.size(); d > 0; --d, ++count) {
      if (index_[d - 1] != (first ? 0 : sizes_[d - 1] - 1)) break;
    }
    return count;
  }

  void begin() {
    const auto opened = edges(true);
    const bool very_first = opened == sizes_.size();
    if (style_ == Style::json) {
      if (!very_first) text_ += opened > 0 ? ",\n" : ", ";
      text_.append(opened, '[');
      return;
    }
    if (opened == 0 && !very_first) text_ += ' ';
    if (sizes_.size() > 2 && opened >= 2) {
      if (!very_first) text_ += '\n';
      append_heading();
    }
  }

  void end() {
    const auto closed = edges(false);
    if (style_ == Style::json) {
      text_.append(closed, ']');
    } else if (closed > 0 || sizes_.empty()) {
      text_ += '\n';
    }
    for (std::size_t d = sizes_.size(); d > 0; --d) {
      if (++index_[d - 1] < sizes_[d - 1]) return;
      index_[d - 1] = 0;
    }
  }

  // Of a matrix among several: "# [3, 0:2, :]", where it is in the tensor.
  void append_heading() {
    Extents first = slice_.box.offsets;
    for (std::size_t k = 0; k < index_.size(); ++k) first[slice_.kept[k]] += index_[k];
    const auto rows = slice_.kept[slice_.kept.size() - 2];
    const auto columns = slice_.kept.back();
    text_ += "# [";
    for (std::size_t d = 0; d < first.size(); ++d) {
      if (d > 0) text_ += ", ";
      text_ += std::to_string(first[d]);
      if (d == rows || d == columns) {
        text_ += ':' + std::to_string(first[d] + slice_.box.sizes[d]);
      }
    }
    text_ += "]\n";
  }

  const Slice& slice_;
  Style style_;
  std::vector<std::int64_t> sizes_;  // of what is printed
  std::vector<std::int64_t> index_;  // of the next element
  std::string text_;
};

void print_elements(const h5dcp::StoredTensor& tensor, const Slice& slice, Style style) {
  if (h5dcp::numel(slice.box.sizes) == 0) {
    if (style == Style::json) std::cout << "[]";
    return;
  }
  const auto wide = widened(tensor.dtype());
  Layout layout(slice, style);
  for_each_part(slice.box, 0, [&](const Box& part) {
    const auto elements = h5dcp::allocate(wide, part.sizes);
    tensor.read(part, elements);
    const auto* next = static_cast<const std::byte*>(elements.data);
    for (auto left = h5dcp::numel(part.sizes); left > 0; --left) {
      layout.add(wide, next);
      next += h5dcp::itemsize(wide);
    }
  });
  layout.flush();
}

// The first fields of the JSON object, and the name of the last.
void print_json_start(const CatOptions& options, const h5dcp::CheckpointEntry& entry,
                      const Slice* slice) {
  Json json{{"file", options.file}, {"fqn", entry.fqn}, {"kind", name_of(entry.kind)}};
  json["dtype"] = slice != nullptr ? Json(h5dcp::to_string(entry.dtype)) : Json();
  json["shape"] = slice != nullptr ? to_json(entry.size) : Json();
  json["offsets"] = slice != nullptr ? to_json(slice->box.offsets) : Json();
  json["sizes"] = slice != nullptr ? to_json(slice->box.sizes) : Json();
  auto text = json.dump(1, ' ', false, Json::error_handler_t::replace);
  text.resize(text.size() - 2);  // "\n}"
  std::cout << text << ",\n \"value\": ";
}

void cat_value(const CatOptions& options, const h5dcp::CheckpointEntry& entry,
               const h5dcp::Value& value) {
  if (!options.slice.empty()) {
    throw UsageError("'" + entry.fqn + "' is no tensor: it cannot be sliced");
  }
  if (options.json) {
    print_json_start(options, entry, nullptr);
    std::cout << to_json(value).dump(-1, ' ', false, Json::error_handler_t::replace) << "\n}\n";
  } else if (const auto* bytes = std::get_if<h5dcp::Bytes>(&value)) {
    std::cout << hex(*bytes) << '\n';
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    std::cout << printable(*text) << '\n';
  } else {
    std::cout << json_line(to_json(value)) << '\n';
  }
}

}  // namespace

int cat(const CatOptions& options) {
  const h5dcp::CheckpointFile file(options.file);
  const auto i = entry_named(file, options.name);
  const auto entry = file.entry(i);
  if (!has_shape(entry.kind)) {
    cat_value(options, entry, file.value(i));
    return kFine;
  }
  const auto slice = parse_slice(options.slice, entry.size);
  if (options.json) print_json_start(options, entry, &slice);
  print_elements(file.tensor(i), slice, options.json ? Style::json : Style::text);
  if (options.json) std::cout << "\n}\n";
  return kFine;
}

}  // namespace tool
