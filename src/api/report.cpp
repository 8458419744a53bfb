#include "h5dcp/report.hpp"

#include <fmt/format.h>

namespace h5dcp {

std::string to_string(const Report& report) {
  std::string text = fmt::format("{:<12}{:>10}{:>10}{:>10}{:>9}{:>14}\n", "phase", "min s",
                                 "mean s", "max s", "slowest", "bytes");
  for (const auto& phase : report.phases) {
    text +=
        fmt::format("{:<12}{:>10.4f}{:>10.4f}{:>10.4f}{:>9}{:>14}\n", phase.name, phase.min_seconds,
                    phase.mean_seconds, phase.max_seconds, phase.slowest_rank, phase.bytes);
  }
  return text;
}

}  // namespace h5dcp
