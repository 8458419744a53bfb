#include "progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <utility>

namespace tool {
namespace {

constexpr auto kBetween = std::chrono::milliseconds(200);
constexpr std::size_t kUsualWidth = 80;

std::size_t terminal_width() {
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kUsualWidth;
}

}  // namespace

std::string progress_text(const std::string& what, std::uint64_t done_bytes,
                          std::uint64_t total_bytes, std::chrono::duration<double> elapsed,
                          std::size_t width) {
  constexpr double kGiga = 1e9;
  const auto done = static_cast<double>(done_bytes);
  const auto total = static_cast<double>(std::max<std::uint64_t>(1, total_bytes));
  std::ostringstream text;
  text << what << std::fixed << std::setprecision(0) << "  " << std::setw(3)
       << std::min(100.0, 100 * done / total) << " %  " << std::setprecision(1) << done / kGiga
       << " of " << total / kGiga << " GB  " << std::setprecision(2)
       << done / kGiga / std::max(1e-9, elapsed.count()) << " GB/s";
  return text.str().substr(0, width);
}

ProgressLine::ProgressLine(std::string what)
    : what_(std::move(what)), terminal_(::isatty(STDERR_FILENO) == 1) {}

void ProgressLine::show(std::uint64_t done_bytes, std::uint64_t total_bytes) {
  if (!terminal_) return;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + kBetween;
  // In the last column some terminals would begin a new line.
  std::cerr << "\r\x1b[K"
            << progress_text(what_, done_bytes, total_bytes, now - begun_, terminal_width() - 1)
            << std::flush;
  visible_ = true;
}

void ProgressLine::hide() {
  if (visible_) std::cerr << "\r\x1b[K" << std::flush;
  visible_ = false;
}

}  // namespace tool
