// What the tool can do: one function a verb, which writes to stdout and returns the exit status.

#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

#include "h5dcp/checkpoint_file.hpp"
#include "run.hpp"

namespace tool {

inline constexpr int kFine = 0;
inline constexpr int kDamaged = 1;  // or no checkpoint that can be read
inline constexpr int kDifferent = 1;
inline constexpr int kUsage = 2;
inline constexpr int kTrouble = 2;  // of diff: it cannot tell

// What was asked for is not there: the tool ends with kUsage.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The number of the entry of that name. Throws UsageError if there is none.
std::size_t entry_named(const h5dcp::CheckpointFile& file, const std::string& name);

// The entries of a checkpoint.
struct LsOptions {
  std::string file;
  bool more = false;  // kind, chunks and address as well
  bool json = false;
};
int ls(const LsOptions& options);

// What the commit record says, and who wrote which box.
struct ShowOptions {
  std::string file;
  std::string name;  // of one entry; empty: all
  std::string svg;   // where to draw that entry, if not empty
  bool json = false;
};
int show(const ShowOptions& options);

// The elements of a tensor, or of a part of it, or a plain value.
struct CatOptions {
  std::string file;
  std::string name;
  std::string slice;  // empty: all
  bool json = false;
};
int cat(const CatOptions& options);

// A checkpoint under another name, with all of its files: as a copy, or moved.
struct CopyOptions {
  std::string from;
  std::string to;      // a name, or a folder
  bool force = false;  // replaces what is there
};
int copy(const CopyOptions& options);
int move(const CopyOptions& options);

// What differs between two checkpoints.
struct DiffOptions {
  std::string a;
  std::string b;
  double tolerance = 0;
  bool json = false;
};
int diff(const DiffOptions& options);

// Whether checkpoints will work here.
struct DoctorOptions {
  std::string path = ".";
};
int doctor(const DoctorOptions& options);

// Every byte against what was committed.
struct VerifyOptions {
  std::string file;
};
int verify(const VerifyOptions& options);

// How fast saves and loads are, beside what the file system can do.
struct BenchOptions {
  benchmark::Run run;
  std::string csv;   // where results go; empty: nowhere
  std::string json;  // the same
  std::string plot;  // the same
  bool print_run = false;
  bool print_workload = false;
};
int bench(BenchOptions options);

// Which options suit the file system of a folder.
struct TuneOptions {
  benchmark::Run run{.workload = {"rows", "columns"}, .scale = 0.1, .repetitions = 3};
  std::string write;  // where the profile goes; empty: nowhere
};
int tune(const TuneOptions& options);

}  // namespace tool
