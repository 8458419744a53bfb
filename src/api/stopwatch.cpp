#include "api/stopwatch.hpp"

#include <algorithm>
#include <utility>

namespace h5dcp {

const std::vector<double>& Stopwatch::stop() {
  if (seconds_.size() < names_.size()) {
    seconds_.push_back(std::chrono::duration<double>(Clock::now() - started_).count());
  }
  return seconds_;
}

void Stopwatch::begin(std::string phase) {
  stop();
  names_.push_back(std::move(phase));
  started_ = Clock::now();
}

bool Stopwatch::has_begun(const std::string& phase) const {
  return std::ranges::find(names_, phase) != names_.end();
}

Report Stopwatch::report(const Comm& comm, const std::string& moving, std::uint64_t bytes) {
  const auto phases = comm.spread("report", stop());
  return report(phases, moving, comm.sum("report", {bytes}).front());
}

Report Stopwatch::report(const std::vector<Spread>& phases, const std::string& moving,
                         std::uint64_t bytes) const {
  Report report = report_of(phases);
  report.bytes = bytes;
  for (auto& phase : report.phases) phase.bytes = phase.name == moving ? bytes : 0;
  return report;
}

Report Stopwatch::local_report(int rank) {
  std::vector<Spread> spreads;
  for (const double seconds : stop()) spreads.push_back({seconds, seconds, seconds, rank});
  return report_of(spreads);
}

Report Stopwatch::report_of(const std::vector<Spread>& spreads) const {
  Report report;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    report.phases.push_back({.name = names_[i],
                             .min_seconds = spreads[i].min,
                             .mean_seconds = spreads[i].mean,
                             .max_seconds = spreads[i].max,
                             .slowest_rank = spreads[i].max_rank});
  }
  return report;
}

}  // namespace h5dcp
