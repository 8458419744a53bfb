// A run that is over, and how it is told: as text, CSV, JSON and as a drawing.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rounds.hpp"
#include "summary.hpp"

namespace tool::benchmark {

// Where a run took place.
struct Place {
  std::string version;  // of h5dcp
  std::string time;     // when it was over, UTC
  int ranks = 0;
  std::size_t hosts = 0;
  std::string file_system;  // "ext4"
};

// What was measured with one workload.
struct Measured {
  std::string workload;
  WorkloadSize size = {};
  std::vector<Measurement> each = {};
  std::vector<Summary> summaries = {};
};

struct Result {
  Run run = {};
  Place place = {};
  std::vector<Measured> workloads = {};
};

// Tables, on stdout.
void print_tables(const Result& result);

// A line a save or load, in which the run is repeated: files of several runs can be put together.
std::string csv_of(const Result& result);

// Everything.
std::string json_of(const Result& result);

// SVG: for each workload a bar a way, as long as the median bandwidth, with the range over the
// rounds.
std::string plot_of(const Result& result);

// "2 ranks on 1 host, tmpfs; median of 9 rounds, loads from a cold page cache"
std::string headline(const Result& result);

// "llama3-8b at scale 0.1: 291 tensors, 0.160 GB"
std::string headline(const Run& run, const Measured& measured);

// So many digits after the point.
std::string fixed(double value, int digits);

}  // namespace tool::benchmark
