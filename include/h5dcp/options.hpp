// What a program chooses once, for all of its saves and loads. docs/logging.md has examples.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace h5dcp {

// What MPI-IO may take into account, by name: {{"cb_buffer_size", "33554432"}}. It ignores names
// that it does not know. Of two with one name the last counts.
using Hints = std::vector<std::pair<std::string, std::string>>;

// How much is said; each level includes those before it.
enum class LogLevel : std::uint8_t {
  off,
  error,    // hangs: what fails otherwise is thrown
  warning,  // what went wrong beside a save or load that goes on
  info,     // a line a save or load, by the coordinator
  debug,    // the phases of each rank
};

struct LogMessage {
  LogLevel level = LogLevel::off;
  int rank = 0;      // which says it,
  int size = 0;      // of so many
  std::string step;  // "save", "load", a phase of theirs as in Report, or what errors call it
  std::string text;  // all of it, for people: one line
};

struct Options {
  LogLevel log_level = LogLevel::error;

  // Gets the messages, on the rank that has something to say. Called from any thread of the
  // library, also from several at once; must not communicate. What it throws is dropped. Without
  // one they go to where spdlog's default logger writes, with the rank: "[rank 3 of 64] save
  // 'step_100.h5': ..."; the level of that logger is not looked at.
  std::function<void(const LogMessage&)> logger = nullptr;

  // A file to which the coordinator appends a line of JSON about each save and load at its end,
  // also if it failed; empty for none. docs/logging.md has the fields. If that cannot be done it is
  // a warning, and harms nothing else.
  std::string record_path = {};

  // For Transfer::collective, before those of Hdf5Options; the same on all ranks.
  Hints hints = {};

  // What H5DCP_LOG_LEVEL (the name of a level), H5DCP_RECORD (a record_path) and H5DCP_HINTS
  // (hints, as "cb_buffer_size=33554432;romio_cb_write=enable") say; one that is not set, or
  // empty, leaves the default. Nothing else in the library reads the environment. Rank-local.
  //
  // Throws Error{invalid_argument}, which names the variable, if it says something else.
  static Options from_environment();
};

}  // namespace h5dcp
