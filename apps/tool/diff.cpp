#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compare.hpp"
#include "elements.hpp"
#include "h5dcp/checkpoint_file.hpp"
#include "progress.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tool {
namespace {

using h5dcp::CheckpointEntry;
using h5dcp::CheckpointFile;

// One way in which an entry of A differs from that of B.
struct Difference {
  std::string fqn;
  std::string_view what;  // "only in A", "only in B", "kind", "dtype", "shape", "value", "values"
  std::string a;          // of kind, dtype, shape and value: what each has; ASCII
  std::string b;
  std::optional<Comparison> values;
};

std::string number(double value) {
  std::string text;
  append_element(text, h5dcp::DType::float64, reinterpret_cast<const std::byte*>(&value),
                 Style::text);
  return text;
}

std::string where(const Largest& largest) {
  return number(largest.difference) + " at " + h5dcp::to_string(largest.index) + " (" + largest.a +
         ", " + largest.b + ")";
}

// A value may be as long as it likes.
std::string brief(const std::string& text) {
  constexpr std::size_t kMost = 60;
  return text.size() <= kMost ? text : text.substr(0, kMost) + "...";
}

std::string to_text(const Difference& difference) {
  auto text = printable_name(difference.fqn) + ": " + std::string(difference.what);
  if (!difference.a.empty()) text += ' ' + brief(difference.a) + ", " + brief(difference.b);
  if (!difference.values) return text;
  const auto& values = *difference.values;
  text += ": " + std::to_string(values.different) + " of " + std::to_string(values.elements);
  if (values.absolute) text += ", max difference " + where(*values.absolute);
  if (values.relative) text += ", max relative difference " + where(*values.relative);
  return text;
}

Json largest_json(const Largest& largest) {
  Json json;
  json["difference"] = to_json(h5dcp::Value(largest.difference));
  json["index"] = to_json(largest.index);
  json["a"] = largest.a;
  json["b"] = largest.b;
  return json;
}

Json difference_json(const Difference& difference) {
  Json json{{"fqn", difference.fqn}, {"what", difference.what}};
  if (!difference.a.empty()) {
    json["a"] = difference.a;
    json["b"] = difference.b;
  }
  if (difference.values) {
    const auto& values = *difference.values;
    json["elements"] = values.elements;
    json["different"] = values.different;
    json["absolute"] = largest_json(values.absolute.value());
    json["relative"] = largest_json(values.relative.value());
  }
  return json;
}

// Two checkpoints, and what differs between them so far.
class Diff {
 public:
  explicit Diff(const DiffOptions& options) : options_(options), a_(options.a), b_(options.b) {}

  int run() {
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a_.size() || j < b_.size()) {  // both ordered by name
      std::optional<CheckpointEntry> a;
      std::optional<CheckpointEntry> b;
      if (i < a_.size()) a = a_.entry(i);
      if (j < b_.size()) b = b_.entry(j);
      if (a && b && a->fqn == b->fqn) {
        compare_entries(i++, *a, j++, *b);
      } else if (a && (!b || a->fqn < b->fqn)) {
        tell({.fqn = a->fqn, .what = "only in A", .a = {}, .b = {}, .values = {}});
        ++i;
      } else {
        tell({.fqn = b->fqn, .what = "only in B", .a = {}, .b = {}, .values = {}});
        ++j;
      }
    }
    line_.hide();
    if (options_.json) {
      print({{"a", options_.a},
             {"b", options_.b},
             {"tolerance", options_.tolerance},
             {"differences", std::move(json_)}});
    }
    return differ_ ? kDifferent : kFine;
  }

 private:
  void tell(const Difference& difference) {
    differ_ = true;
    line_.hide();
    if (options_.json) {
      json_.push_back(difference_json(difference));
    } else {
      std::cout << to_text(difference) << std::endl;  // at once: files can be large
    }
  }

  void tell(const CheckpointEntry& entry, std::string_view what, std::string a, std::string b) {
    tell({.fqn = entry.fqn, .what = what, .a = std::move(a), .b = std::move(b), .values = {}});
  }

  void compare_entries(std::size_t i, const CheckpointEntry& a, std::size_t j,
                       const CheckpointEntry& b) {
    if (a.kind != b.kind) {
      tell(a, "kind", std::string(name_of(a.kind)), std::string(name_of(b.kind)));
    }
    if (!has_shape(a.kind) || !has_shape(b.kind)) {
      if (a.kind == b.kind) compare_values(i, a, j);
      return;
    }
    if (a.dtype != b.dtype) {
      tell(a, "dtype", std::string(h5dcp::to_string(a.dtype)),
           std::string(h5dcp::to_string(b.dtype)));
    }
    if (a.size != b.size) {
      tell(a, "shape", h5dcp::to_string(a.size), h5dcp::to_string(b.size));
      return;
    }
    const auto read = [&](std::uint64_t nbytes) {
      done_bytes_ += nbytes;
      line_.show(done_bytes_, total_bytes_);
    };
    auto found = compare(a_.tensor(i), b_.tensor(j), options_.tolerance, read);
    if (found.different == 0) return;
    tell({.fqn = a.fqn, .what = "values", .a = {}, .b = {}, .values = std::move(found)});
  }

  // As JSON, in which one nan is another and nothing could drive a terminal.
  void compare_values(std::size_t i, const CheckpointEntry& entry, std::size_t j) {
    auto a = json_line(to_json(a_.value(i)));
    auto b = json_line(to_json(b_.value(j)));
    if (a != b) tell(entry, "value", std::move(a), std::move(b));
  }

  const DiffOptions& options_;
  CheckpointFile a_;
  CheckpointFile b_;
  bool differ_ = false;
  ProgressLine line_{"diff"};
  std::uint64_t total_bytes_ = a_.summary().data_bytes;
  std::uint64_t done_bytes_ = 0;
  Json json_ = Json::array();
};

}  // namespace

int diff(const DiffOptions& options) {
  return Diff(options).run();
}

}  // namespace tool
