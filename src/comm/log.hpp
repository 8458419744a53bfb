// Where messages for the program's log go.

#pragma once

#include <string>

#include "h5dcp/comm.hpp"
#include "h5dcp/options.hpp"

namespace h5dcp {

// Says `text` if the options of `comm` want messages of this level. Rank-local; never throws.
void log(const Comm& comm, LogLevel level, std::string step, std::string text) noexcept;

}  // namespace h5dcp
