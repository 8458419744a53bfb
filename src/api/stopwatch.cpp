#include "api/stopwatch.hpp"

#include <algorithm>
#include <utility>

namespace h5dcp {

void Stopwatch::end() {
  if (seconds_.size() == names_.size()) return;
  seconds_.push_back(std::chrono::duration<double>(Clock::now() - started_).count());
}

void Stopwatch::begin(std::string phase) {
  end();
  names_.push_back(std::move(phase));
  started_ = Clock::now();
}

bool Stopwatch::has_begun(const std::string& phase) const {
  return std::ranges::find(names_, phase) != names_.end();
}

Report Stopwatch::report(const Comm& comm, const std::string& moving, std::uint64_t bytes) {
  end();
  Report report = report_of(comm.spread("report", seconds_));
  report.bytes = comm.sum("report", {bytes}).front();
  for (auto& phase : report.phases) phase.bytes = phase.name == moving ? report.bytes : 0;
  return report;
}

Report Stopwatch::local_report(int rank) {
  end();
  std::vector<Spread> spreads;
  spreads.reserve(seconds_.size());
  for (const double seconds : seconds_) spreads.push_back({seconds, seconds, seconds, rank});
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
