// Errors that say what was being done.

#pragma once

#include <string>
#include <utility>

#include "h5dcp/error.hpp"

namespace h5dcp {

// Returns what `work` returns. An Error that leaves it begins with `doing`: "save 'w': ...".
template <typename Work>
auto with_context(const std::string& doing, Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (const Error& error) {
    throw Error(error.code(), doing + ": " + error.what());
  }
}

}  // namespace h5dcp
