// A save or load while it goes on, and what is told of it: times for its report, and what Options
// ask for, which are lines for the log and a record at its end.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/operation_record.hpp"
#include "api/stopwatch.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/report.hpp"

namespace h5dcp {

class Operation {
 public:
  // `what` is "save" or "load", `moving` the phase that moves the data. Local.
  Operation(Comm comm, std::string what, std::string moving,
            const std::optional<std::string>& checkpoint_id);

  // What the storage calls the checkpoint, once it tells; nothing new if that is empty. Local.
  void set_checkpoint(const std::string& id);

  // The phase that begins now, and ends where the next begins. Local.
  void begin(const std::string& phase);

  // Ends the last phase. How long each took on this rank. Local.
  const std::vector<double>& stop() { return stopwatch_.stop(); }

  // It is done; `bytes` is what this rank moved. Collective: all ranks began the same phases.
  Report finish(std::uint64_t bytes);

  // The same where all ranks know how long each phase took, and what all have moved. Local.
  Report finish(const std::vector<Spread>& phases, std::uint64_t bytes);

  // It has failed. For a catch clause, whose exception it throws on; a CheckpointException with its
  // step. Local: the record has this rank's own times.
  [[noreturn]] void fail();

 private:
  Report tell(Report report) const;
  std::string name() const;
  double seconds() const;
  void log_result(const Report& report) const;
  void append_record(const Report& report,
                     const std::optional<OperationRecord::Failure>& failure) const;

  Comm comm_;
  std::string what_;
  std::string moving_;
  std::string checkpoint_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  Stopwatch stopwatch_;
};

}  // namespace h5dcp
