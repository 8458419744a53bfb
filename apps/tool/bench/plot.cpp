#include <algorithm>
#include <cmath>

#include "result.hpp"
#include "svg_elements.hpp"
#include "way.hpp"

namespace tool::benchmark {
namespace {

using svg::attribute;
using svg::kLetter;
using svg::xml;

// In pixels.
constexpr double kMargin = 16;
constexpr double kLine = 18;    // of text
constexpr double kPitch = 26;   // from bar to bar
constexpr double kBar = 18;     // its height
constexpr double kScale = 420;  // from nothing to the end of the axis
constexpr double kGap = 10;     // between texts and what they are beside

constexpr const char* kRawColour = "hsl(0, 0%, 65%)";
constexpr const char* kWayColour = "hsl(210, 60%, 62%)";

// The least of 1, 2, 5, 10, ... times a power of ten with which so few ticks reach `most`.
double tick_for(double most) {
  constexpr double kMostTicks = 6;
  const auto power = std::pow(10, std::floor(std::log10(most / kMostTicks)));
  for (const double step : {1.0, 2.0, 5.0}) {
    if (most <= kMostTicks * step * power) return step * power;
  }
  return 10 * power;
}

class Plot {
 public:
  explicit Plot(const Result& result) : result_(result) {
    double most = 0;
    for (const auto& measured : result.workloads) {
      for (const auto& each : measured.summaries) {
        most = std::max(most, each.gigabytes_per_second.max);
        left_ = std::max(left_, kMargin + letters(each.way) + kGap);
      }
    }
    tick_ = tick_for(most);
    last_tick_ = std::ceil(most / tick_) * tick_;
  }

  std::string svg() {
    body_ += "<title>h5dcp bench</title>\n";
    add_text(kMargin, next_ += kLine, headline(result_));
    for (const auto& measured : result_.workloads) {
      for (const auto* const what : {"save", "load"}) add_group(measured, what);
    }
    return svg::page(widest_ + kMargin, next_ + kMargin, body_);
  }

 private:
  static double letters(const std::string& text) {
    return static_cast<double>(text.size()) * kLetter;
  }
  double at(double gigabytes_per_second) const {
    return left_ + gigabytes_per_second / last_tick_ * kScale;
  }

  void add_text(double x, double y, const std::string& text, const std::string& more = "") {
    body_ += "<text" + attribute("x", x) + attribute("y", y) + more + ">" + xml(text) + "</text>\n";
    if (more.empty()) widest_ = std::max(widest_, x + letters(text));
  }

  void add_line(const char* kind, double x1, double y1, double x2, double y2, const char* colour) {
    body_ += "<line" + attribute("class", std::string(kind)) + attribute("x1", x1) +
             attribute("y1", y1) + attribute("x2", x2) + attribute("y2", y2) +
             attribute("stroke", std::string(colour)) + "/>\n";
  }

  void add_group(const Measured& measured, const std::string& what) {
    next_ += kLine + kMargin;
    add_text(kMargin, next_, what + "  " + headline(result_.run, measured));
    next_ += kGap;
    const auto count = std::ranges::count(measured.summaries, what, &Summary::what);
    add_axis(next_ + static_cast<double>(count) * kPitch);
    for (const auto& each : measured.summaries) {
      if (each.what == what) add_bar(each);
    }
    next_ += kLine;  // of the axis
  }

  // Ticks from the top of the group to `bottom`, behind the bars.
  void add_axis(double bottom) {
    const auto ticks = static_cast<int>(std::lround(last_tick_ / tick_));
    const auto digits = std::max(0, static_cast<int>(-std::floor(std::log10(tick_) + 1e-9)));
    for (int i = 0; i <= ticks; ++i) {
      const auto x = at(i * tick_);
      add_line("tick", x, next_, x, bottom, "hsl(0, 0%, 85%)");
      add_text(x, bottom + kLine - 4, fixed(i * tick_, digits) + (i == ticks ? " GB/s" : ""),
               " text-anchor=\"middle\"");
    }
  }

  void add_bar(const Summary& each) {
    const auto& speed = each.gigabytes_per_second;
    const auto top = next_ + (kPitch - kBar) / 2;
    const auto middle = next_ + kPitch / 2;
    const bool raw = each.way == kRaw;
    const auto tells = fixed(speed.median, 2) + " (" + fixed(speed.min, 2) + "-" +
                       fixed(speed.max, 2) + ") GB/s" +
                       (raw ? "" : ", " + fixed(each.of_raw.median, 2) + " of raw");
    add_text(left_ - kGap, middle + 4, each.way, " text-anchor=\"end\"");
    body_ += "<rect class=\"bar\"" + attribute("x", left_) + attribute("y", top) +
             attribute("width", at(speed.median) - left_) + attribute("height", kBar) +
             attribute("fill", std::string(raw ? kRawColour : kWayColour)) + "><title>" +
             xml(each.what + " " + each.way + ": " + tells) + "</title></rect>\n";
    add_line("spread", at(speed.min), middle, at(speed.max), middle, "black");
    for (const auto end : {speed.min, speed.max}) {
      add_line("end", at(end), middle - 4, at(end), middle + 4, "black");
    }
    add_text(left_ + kScale + 2 * kGap, middle + 4, tells);
    next_ += kPitch;
  }

  const Result& result_;
  std::string body_;
  double left_ = 0;  // where bars begin
  double tick_ = 1;  // GB/s from tick to tick
  double last_tick_ = 1;
  double next_ = 0;    // where the drawing has come to, downwards
  double widest_ = 0;  // what reaches furthest to the right
};

}  // namespace

std::string plot_of(const Result& result) {
  return Plot(result).svg();
}

}  // namespace tool::benchmark
