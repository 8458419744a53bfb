#include "svg.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "svg_elements.hpp"
#include "text.hpp"

namespace tool {
namespace {

using svg::attribute;
using svg::kLetter;
using svg::number;
using svg::xml;

using Chunks = std::vector<h5dcp::CheckpointChunk>;

// In pixels.
constexpr double kMargin = 16;
constexpr double kLine = 18;       // of text
constexpr double kLongSide = 640;  // of the tensor
constexpr double kShortSide = 64;  // at least
constexpr std::size_t kMostInLegend = 48;

// Neighbouring ranks get colours far from each other.
std::string colour(std::uint32_t rank) {
  constexpr double kGoldenAngle = 137.508;
  const auto hue = static_cast<int>(rank * kGoldenAngle) % 360;
  return "hsl(" + std::to_string(hue) + ", 60%, " + (rank % 2 == 0 ? "70%" : "58%") + ")";
}

bool is_cut(const h5dcp::CheckpointEntry& entry, const Chunks& chunks, std::size_t d) {
  return std::ranges::any_of(
      chunks, [&](const auto& chunk) { return chunk.box.sizes[d] != entry.size[d]; });
}

// The one or two dimensions that are drawn, ascending: cut ones first, then the last ones.
std::vector<std::size_t> drawn_dims(const h5dcp::CheckpointEntry& entry, const Chunks& chunks) {
  std::vector<std::size_t> order;
  for (std::size_t d = 0; d < entry.size.size(); ++d) {
    if (is_cut(entry, chunks, d)) order.push_back(d);
  }
  for (std::size_t d = entry.size.size(); d > 0; --d) {
    if (!is_cut(entry, chunks, d - 1)) order.push_back(d - 1);
  }
  order.resize(std::min<std::size_t>(2, order.size()));
  std::ranges::sort(order);
  return order;
}

// A dimension on the drawing: none for a scalar, or the height of a vector.
struct Axis {
  std::optional<std::size_t> dim;
  double elements = 1;
  double pixels = kShortSide;

  double first(const h5dcp::Box& box) const {
    return dim ? static_cast<double>(box.offsets[*dim]) * pixels / elements : 0;
  }
  double size(const h5dcp::Box& box) const {
    return dim ? static_cast<double>(box.sizes[*dim]) * pixels / elements : pixels;
  }
};

Axis axis(const h5dcp::CheckpointEntry& entry, std::optional<std::size_t> dim) {
  if (!dim) return {};
  return {dim, static_cast<double>(std::max<std::int64_t>(1, entry.size[*dim])), kShortSide};
}

class Drawing {
 public:
  Drawing(const h5dcp::CheckpointEntry& entry, const Chunks& chunks)
      : entry_(entry), chunks_(chunks) {
    const auto dims = drawn_dims(entry, chunks);
    if (!dims.empty()) across_ = axis(entry, dims.back());
    if (dims.size() > 1) down_ = axis(entry, dims.front());
    const auto longer = std::max(across_.elements, down_.elements);
    for (auto* each : {&across_, &down_}) {
      each->pixels = std::max(kShortSide, each->elements / longer * kLongSide);
    }
  }

  std::string svg() {
    add_headings();
    top_ = next_ + 4;
    add_tensor();
    next_ = top_ + down_.pixels + kMargin;
    add_legend();
    return svg::page(widest_ + kMargin, next_ + kMargin, body_);
  }

 private:
  void add_text(double x, double y, const std::string& text, const std::string& more = "") {
    body_ += "<text" + attribute("x", number(x)) + attribute("y", number(y)) + more + ">" +
             xml(text) + "</text>\n";
    widest_ = std::max(widest_, x + static_cast<double>(text.size()) * kLetter);
  }

  void add_line(const std::string& text) {
    next_ += kLine;
    add_text(kMargin, next_, text);
  }

  std::string described(const Axis& axis, const char* direction) const {
    return std::string(direction) + ": dimension " + std::to_string(*axis.dim) + ", " +
           std::to_string(entry_.size[*axis.dim]) + " elements";
  }

  void add_headings() {
    body_ += "<title>" + xml(entry_.fqn) + "</title>\n";
    add_line(printable_name(entry_.fqn) + "  " + dtype_text(entry_) + "  " + shape_text(entry_) +
             "  " + std::to_string(entry_.nbytes) + " bytes");
    if (down_.dim) add_line(described(down_, "down"));
    if (across_.dim) add_line(described(across_, "across"));
    std::vector<std::size_t> hidden;
    for (std::size_t d = 0; d < entry_.size.size(); ++d) {
      if (d != down_.dim && d != across_.dim && is_cut(entry_, chunks_, d)) hidden.push_back(d);
    }
    if (hidden.empty()) return;
    std::string text = "not shown, though cut: dimension";
    for (const auto d : hidden) text += " " + std::to_string(d);
    add_line(text + "; boxes that differ only there lie on each other");
  }

  void add_tensor() {
    for (const auto& chunk : chunks_) add_box(chunk);
    body_ += "<rect class=\"tensor\"" + attribute("x", number(kMargin)) +
             attribute("y", number(top_)) + attribute("width", number(across_.pixels)) +
             attribute("height", number(down_.pixels)) + " fill=\"none\" stroke=\"black\"/>\n";
    widest_ = std::max(widest_, kMargin + across_.pixels);
  }

  void add_box(const h5dcp::CheckpointChunk& chunk) {
    const auto x = kMargin + across_.first(chunk.box);
    const auto y = top_ + down_.first(chunk.box);
    const auto width = across_.size(chunk.box);
    const auto height = down_.size(chunk.box);
    const auto rank = std::to_string(chunk.writer);
    body_ += "<rect class=\"box\"" + attribute("x", number(x)) + attribute("y", number(y)) +
             attribute("width", number(width)) + attribute("height", number(height)) +
             attribute("fill", colour(chunk.writer)) +
             R"( stroke="white" stroke-width="0.5"><title>rank )" + rank + ": " +
             to_string(chunk.box) + ", " + std::to_string(chunk.nbytes) + " bytes</title></rect>\n";
    if (width > static_cast<double>(rank.size() + 1) * kLetter && height > kLine) {
      body_ += "<text" + attribute("x", number(x + width / 2)) +
               attribute("y", number(y + height / 2 + 4)) + " text-anchor=\"middle\">" + rank +
               "</text>\n";
    }
  }

  void add_legend() {
    struct Written {
      std::uint64_t boxes = 0;
      std::uint64_t nbytes = 0;
    };
    std::map<std::uint32_t, Written> ranks;
    for (const auto& chunk : chunks_) {
      ++ranks[chunk.writer].boxes;
      ranks[chunk.writer].nbytes += chunk.nbytes;
    }
    std::size_t listed = 0;
    for (const auto& [rank, written] : ranks) {
      if (listed++ == kMostInLegend) {
        return add_line("and " + std::to_string(ranks.size() - kMostInLegend) + " more ranks");
      }
      next_ += kLine;
      body_ += "<rect class=\"legend\"" + attribute("x", number(kMargin)) +
               attribute("y", number(next_ - 11)) + R"( width="12" height="12")" +
               attribute("fill", colour(rank)) + "/>\n";
      add_text(kMargin + 18, next_,
               "rank " + std::to_string(rank) + ": " + std::to_string(written.boxes) +
                   (written.boxes == 1 ? " box, " : " boxes, ") + std::to_string(written.nbytes) +
                   " bytes");
    }
  }

  const h5dcp::CheckpointEntry& entry_;
  const Chunks& chunks_;
  Axis across_;
  Axis down_;
  std::string body_;
  double next_ = 0;    // where text has come to
  double top_ = 0;     // of the tensor
  double widest_ = 0;  // what reaches furthest to the right
};

}  // namespace

std::string draw_boxes(const h5dcp::CheckpointEntry& entry, const Chunks& chunks) {
  return Drawing(entry, chunks).svg();
}

}  // namespace tool
