// Errors that say what was being done.

#pragma once

#include <exception>
#include <string>
#include <utility>

#include "h5dcp/error.hpp"

namespace h5dcp {

// Returns `text` behind "<doing>: ", once if it begins with that already.
inline std::string in_context(const std::string& doing, const std::string& text) {
  return text.starts_with(doing + ": ") ? text : doing + ": " + text;
}

// Returns what `work` returns. An Error that leaves it begins with `doing`: "save 'w': ...".
template <typename Work>
auto with_context(const std::string& doing, Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (const Error& error) {
    throw Error(error.code(), in_context(doing, error.what()));
  }
}

// The same for any exception, and `describe()` is called only if there is one.
template <typename Describe, typename Work>
auto with_late_context(const Describe& describe, Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (const Error& error) {
    throw Error(error.code(), in_context(describe(), error.what()));
  } catch (const std::exception& error) {
    throw Error(ErrorCode::internal, describe() + ": " + error.what());
  }
}

}  // namespace h5dcp
