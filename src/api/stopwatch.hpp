// Times the phases of a save or load.

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "h5dcp/comm.hpp"
#include "h5dcp/report.hpp"

namespace h5dcp {

class Stopwatch {
 public:
  // The phase that begins now, and ends where the next begins. Local.
  void begin(std::string phase);

  bool has_begun(const std::string& phase) const;

  // Ends the last phase. How long each took.
  const std::vector<double>& stop();

  // Ends the last phase. Collective: all ranks began the same phases. `bytes` is what this rank
  // moved in the phase named `moving`.
  Report report(const Comm& comm, const std::string& moving, std::uint64_t bytes);

  // The same from what all ranks know already: of each phase, and bytes of all ranks. Local.
  Report report(const std::vector<Spread>& phases, const std::string& moving,
                std::uint64_t bytes) const;

  // The same of this rank alone, as far as it came, and without bytes. Local.
  Report local_report(int rank);

 private:
  using Clock = std::chrono::steady_clock;

  Report report_of(const std::vector<Spread>& spreads) const;

  std::vector<std::string> names_;
  std::vector<double> seconds_;
  Clock::time_point started_;
};

}  // namespace h5dcp
