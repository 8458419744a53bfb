// What is kept of a save or load when it is over: a line of JSON. docs/logging.md has its fields.

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "h5dcp/report.hpp"

namespace h5dcp {

struct OperationRecord {
  struct Failure {
    std::string step;
    std::vector<int> ranks;
    std::string message;
  };

  std::string what;        // "save" or "load"
  std::string checkpoint;  // empty if it is not known
  std::chrono::system_clock::time_point time;
  int ranks = 0;
  double seconds = 0;
  Report report;
  std::optional<Failure> failure;
};

// Without the end of the line. Bytes that are no UTF-8 are replaced.
std::string to_json(const OperationRecord& record);

}  // namespace h5dcp
