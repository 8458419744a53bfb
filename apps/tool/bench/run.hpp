// A run of `h5dcp bench` as data: all that decides what is measured, in JSON and as flags.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text.hpp"

namespace tool::benchmark {

struct Run {
  std::vector<std::string> workload{"rows"};
  double scale = 1;
  bool optimizer = false;
  std::string dir = ".";
  std::vector<std::string> way{"automatic"};
  std::string profile = {};  // a file: what the word "profile" means in ways
  int raw_files = 1;
  std::int64_t repetitions = 9;
  bool cold = false;
  bool unverified = false;
  bool keep = false;
};

// Help for what has a choice: all names of workloads, and what ways are made of.
std::string workload_help();
std::string way_help();

// Calls visit(name, field, what a value is called, description) for each field: the one list from
// which flags, JSON and help are made.
template <class AnyRun, class Visit>
void for_each_field(AnyRun& run, const Visit& visit) {
  visit("workload", run.workload, "NAME", workload_help());
  visit("scale", run.scale, "NUMBER", "Of each size of a model, or of how many tensors there are");
  visit("optimizer", run.optimizer, "", "Also two float32 moments of each tensor");
  visit("dir", run.dir, "DIR", "Where the files are made, in a folder that is removed in the end");
  visit("way", run.way, "WAY", way_help());
  visit("profile", run.profile, "FILE", "Also measure the options of this profile");
  visit("raw-files", run.raw_files, "N", "How many files raw has, each for as many ranks");
  visit("repetitions", run.repetitions, "N", "Rounds, after one that does not count");
  visit("cold", run.cold, "", "Drop each file from the page cache before it is loaded");
  visit("unverified", run.unverified, "", "Do not compare what is loaded with what was saved");
  visit("keep", run.keep, "", "Keep the files of the last round");
}

// What `path` says, the other fields as they are by default. Throws UsageError, also for a name
// that is no field.
Run read_run(const std::string& path);

Json to_json(const Run& run);

// Adds the way "profile" to a run that has a profile and no way with that word.
void add_profile(Run& run);

// Throws UsageError for what cannot be run.
void check(const Run& run);

}  // namespace tool::benchmark
