// The ways to save and load that a run compares: options of the library, put together from words.

#pragma once

#include <string>

#include "h5dcp/hdf5.hpp"

namespace tool::benchmark {

inline constexpr const char* kRaw =
    "raw";  // what every run has beside its ways: plain system calls

struct Way {
  std::string name;  // "direct+warm"
  h5dcp::Hdf5Options options = {};
  bool warm = false;  // each save repeats the plan of the one before
};

// Words with + between them, each of which sets an option: "collective+deflate=6".
//
// Throws UsageError for a word that is none, a number that it lacks or may not have, and for what
// the library refuses.
Way way_named(const std::string& name);

// All words, for help: "direct, collective, warm, deflate=N".
std::string way_words();

}  // namespace tool::benchmark
