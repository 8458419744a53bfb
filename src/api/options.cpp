#include "h5dcp/options.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "h5dcp/error.hpp"
#include "hdf5/mpi_hints.hpp"

namespace h5dcp {
namespace {

// Empty if it is not set.
std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

[[noreturn]] void refuse(const std::string& name, const std::string& value,
                         const std::string& why) {
  throw Error(ErrorCode::invalid_argument, name + " is '" + value + "': " + why);
}

LogLevel level_named(const std::string& name, const std::string& value) {
  constexpr std::array<std::pair<std::string_view, LogLevel>, 5> kLevels{
      {{"off", LogLevel::off},
       {"error", LogLevel::error},
       {"warning", LogLevel::warning},
       {"info", LogLevel::info},
       {"debug", LogLevel::debug}}};
  const auto* const found =
      std::ranges::find(kLevels, value, [](const auto& l) { return l.first; });
  if (found == kLevels.end()) refuse(name, value, "not off, error, warning, info or debug");
  return found->second;
}

// "name=value;name=value"
Hints hints_in(const std::string& name, const std::string& value) {
  Hints hints;
  std::istringstream parts(value);
  for (std::string part; std::getline(parts, part, ';');) {
    const auto equals = part.find('=');
    if (equals == part.npos) refuse(name, value, "'" + part + "' is no name=value");
    hints.emplace_back(part.substr(0, equals), part.substr(equals + 1));
  }
  if (const auto fault = fault_of(hints); !fault.empty()) refuse(name, value, fault);
  return hints;
}

}  // namespace

Options Options::from_environment() {
  Options options;
  const std::string level = "H5DCP_LOG_LEVEL";
  if (const auto value = variable(level.c_str()); !value.empty()) {
    options.log_level = level_named(level, value);
  }
  const std::string record = "H5DCP_RECORD";
  options.record_path = variable(record.c_str());
  std::error_code unknown;
  if (std::filesystem::is_directory(options.record_path, unknown)) {
    refuse(record, options.record_path, "a folder, not a file to append to");
  }
  const std::string hints = "H5DCP_HINTS";
  options.hints = hints_in(hints, variable(hints.c_str()));
  return options;
}

}  // namespace h5dcp
