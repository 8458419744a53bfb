#include "api/operation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "comm/log.hpp"
#include "files/posix_file.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {

Operation::Operation(Comm comm, std::string what, std::string moving,
                     const std::optional<std::string>& checkpoint_id)
    : comm_(std::move(comm)),
      what_(std::move(what)),
      moving_(std::move(moving)),
      checkpoint_(checkpoint_id.value_or("")) {}

void Operation::set_checkpoint(const std::string& id) {
  if (!id.empty()) checkpoint_ = id;
}

void Operation::begin(const std::string& phase) {
  stopwatch_.begin(phase);
  log(comm_, LogLevel::debug, phase, name() + ": " + phase);
}

Report Operation::finish(std::uint64_t bytes) {
  return tell(stopwatch_.report(comm_, moving_, bytes));
}

Report Operation::finish(const std::vector<Spread>& phases, std::uint64_t bytes) {
  return tell(stopwatch_.report(phases, moving_, bytes));
}

Report Operation::tell(Report report) const {
  if (comm_.is_coordinator()) {
    log_result(report);
    append_record(report, std::nullopt);
  }
  return report;
}

void Operation::fail() {
  const auto record = [&](const OperationRecord::Failure& failure) {
    if (comm_.is_coordinator()) append_record(stopwatch_.local_report(comm_.rank()), failure);
  };
  const std::string step = stopwatch_.has_begun(moving_) ? moving_ : "plan";
  try {
    throw;
  } catch (const CheckpointException& failure) {
    record({step, failure.failed_ranks(), failure.what()});
    throw CheckpointException(failure, step);
  } catch (const std::exception& error) {  // of this rank alone: MPI's, or a bug
    record({step, {comm_.rank()}, error.what()});
    throw;
  }
}

// "save 'step_100.h5'"
std::string Operation::name() const {
  return checkpoint_.empty() ? what_ : what_ + " '" + checkpoint_ + "'";
}

double Operation::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
}

void Operation::log_result(const Report& report) const {
  const double time = seconds();
  const auto slowest = std::ranges::max_element(report.phases, {}, &Phase::max_seconds);
  log(comm_, LogLevel::info, what_,
      fmt::format(
          "{}: {} bytes in {:.3g} s, {:.3g} GB/s; the longest phase: {}, {:.3g} s on rank {}",
          name(), report.bytes, time, static_cast<double>(report.bytes) / time / 1e9, slowest->name,
          slowest->max_seconds, slowest->slowest_rank));
}

void Operation::append_record(const Report& report,
                              const std::optional<OperationRecord::Failure>& failure) const {
  const auto& path = comm_.options().record_path;
  if (path.empty()) return;
  try {
    const auto line = to_json({.what = what_,
                               .checkpoint = checkpoint_,
                               .time = std::chrono::system_clock::now(),
                               .ranks = comm_.size(),
                               .seconds = seconds(),
                               .report = report,
                               .failure = failure});
    PosixFile(path, PosixFile::Mode::append).append(line + "\n");
  } catch (const std::exception& error) {
    log(comm_, LogLevel::warning, what_, name() + ": no record of it: " + error.what());
  }
}

}  // namespace h5dcp
