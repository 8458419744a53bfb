// The ways to save and load that a run compares: options of the library, put together from words.

#pragma once

#include <string>

#include "h5dcp/hdf5.hpp"

namespace tool::benchmark {

inline constexpr const char* kRaw =
    "raw";  // what every run has beside its ways: plain system calls

struct Way {
  std::string name;          // "direct+warm"
  std::string profile = {};  // the file that the word "profile" means
  h5dcp::Hdf5Options options = {};
  bool warm = false;  // each save repeats the plan of the one before
};

// Words with + between them, each of which sets an option: "collective+deflate=6". `profile` is the
// file that the word of that name sets all options from.
//
// Throws UsageError for a word that is none, a number that it lacks or may not have, and for what
// the library refuses.
Way way_named(const std::string& name, const std::string& profile = "");

// All words, for help: "direct, collective, warm, deflate=N".
std::string way_words();

}  // namespace tool::benchmark
