// h5dcp bench: how fast saves and loads are in a folder, beside what its file system can do.

#include <fstream>
#include <iostream>
#include <stdexcept>

#include "measure_all.hpp"
#include "ranks.hpp"
#include "result.hpp"
#include "shared_scratch.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tool {
namespace {

// So that nobody measures for an hour and has nowhere to put what was found.
void check_can_be_written(const BenchOptions& options) {
  for (const auto* path : {&options.csv, &options.json, &options.plot}) {
    if (!path->empty() && !std::ofstream(*path, std::ios::app)) {
      throw std::runtime_error("'" + *path + "' cannot be written");
    }
  }
}

void write_file(const std::string& path, const std::string& text) {
  if (path.empty()) return;
  std::ofstream file(path);
  if (!(file << text).flush()) throw std::runtime_error("'" + path + "' cannot be written");
}

void tell(const BenchOptions& options, const benchmark::Result& result) {
  print_tables(result);
  write_file(options.csv, csv_of(result));
  write_file(options.json, json_of(result));
  write_file(options.plot, plot_of(result));
}

int bench_together(const h5dcp::Comm& comm, const BenchOptions& options) {
  const auto& run = options.run;
  comm.agree("bench", [&] {
    if (comm.rank() == 0) check_can_be_written(options);
  });
  SharedScratch scratch(comm, run.dir, "bench");
  const auto result = measure_all(comm, run, scratch.path());
  comm.agree("report", [&] {
    if (run.keep) scratch.keep();
    if (comm.rank() != 0) return;
    tell(options, result);
    if (run.keep) std::cout << "\nkept: " << printable(scratch.path().string()) << '\n';
  });
  return kFine;
}

Json described(const std::string& name, const benchmark::Run& run, int ranks) {
  const auto workload = make_workload(name, run, ranks);
  const auto size = size_of(workload);
  Json json{{"workload", name},
            {"tensors", size.tensors},
            {"elements", size.elements},
            {"bytes", size.nbytes},
            {"list", Json::array()}};
  for (const auto& tensor : workload.tensors) {
    json["list"].push_back({{"fqn", tensor.fqn},
                            {"dtype", h5dcp::to_string(tensor.dtype)},
                            {"shape", to_json(tensor.sizes)}});
  }
  return json;
}

// Instead of measuring. Without memory for the tensors.
int print_only(const BenchOptions& options, int ranks) {
  if (options.print_run) return print(to_json(options.run)), kFine;
  Json json{{"ranks", ranks}, {"scale", options.run.scale}, {"workloads", Json::array()}};
  for (const auto& name : options.run.workload) {
    json["workloads"].push_back(described(name, options.run, ranks));
  }
  print(json);
  return kFine;
}

}  // namespace

int bench(BenchOptions options) {
  add_profile(options.run);
  check(options.run);
  const bool prints_only = options.print_run || options.print_workload;
  if (prints_only && !is_launched()) return print_only(options, 1);
  return run_on_ranks(
      [&](const h5dcp::Comm& comm) {
        if (!prints_only) return bench_together(comm, options);
        return comm.rank() == 0 ? print_only(options, comm.size()) : kFine;
      },
      kDamaged);
}

}  // namespace tool
