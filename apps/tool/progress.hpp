// How far long work has come, on a terminal.

#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tool {

// "verify  45 %  12.3 of 27.0 GB  1.2 GB/s", of at most `width` columns.
std::string progress_text(const std::string& what, std::uint64_t done_bytes,
                          std::uint64_t total_bytes, std::chrono::duration<double> elapsed,
                          std::size_t width);

// One line on stderr, if that is a terminal, from a second after it was made until it is destroyed.
class ProgressLine {
 public:
  explicit ProgressLine(std::string what);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() { hide(); }

  // So many bytes are done; draws it a few times a second.
  void show(std::uint64_t done_bytes, std::uint64_t total_bytes);

  // Makes room for another line on the terminal; show() draws it anew.
  void hide();

 private:
  using Clock = std::chrono::steady_clock;

  std::string what_;
  bool terminal_;
  bool visible_ = false;
  Clock::time_point begun_ = Clock::now();
  Clock::time_point next_ = begun_ + std::chrono::seconds(1);
};

}  // namespace tool
