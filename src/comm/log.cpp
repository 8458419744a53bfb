#include "comm/log.hpp"

#include <spdlog/spdlog.h>

#include <exception>
#include <utility>

namespace h5dcp {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::off:
      break;
  }
  return spdlog::level::off;
}

// The level of the program's logger is for its own messages, and info if it never heard of spdlog:
// so ours go through a copy.
void log_by_default(const LogMessage& message) {
  const auto theirs = spdlog::default_logger();
  if (!theirs) return;
  const auto ours = theirs->clone("h5dcp");
  ours->set_level(spdlog::level::trace);
  ours->log(level_of(message.level), "[rank {} of {}] {}", message.rank, message.size,
            message.text);
}

}  // namespace

void log(const Comm& comm, LogLevel level, std::string step, std::string text) noexcept {
  const Options& options = comm.options();
  if (level == LogLevel::off || level > options.log_level) return;
  try {
    const LogMessage message{level, comm.rank(), comm.size(), std::move(step), std::move(text)};
    options.logger ? options.logger(message) : log_by_default(message);
  } catch (...) {  // NOLINT(bugprone-empty-catch): there is nobody to tell
  }
}

}  // namespace h5dcp
