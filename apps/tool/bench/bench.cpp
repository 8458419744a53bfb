// h5dcp bench: how fast saves and loads are in a folder, beside what its file system can do.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <new>
#include <random>
#include <set>
#include <stdexcept>
#include <utility>

#include "file_system.hpp"
#include "h5dcp/error.hpp"
#include "hang.hpp"
#include "ranks.hpp"
#include "result.hpp"
#include "shared_scratch.hpp"
#include "text.hpp"
#include "verbs.hpp"
#include "version.hpp"

namespace tool {
namespace {

namespace fs = std::filesystem;

// On rank 0; the others get 0.
std::size_t count_hosts(const h5dcp::Comm& comm) {
  std::set<std::string> hosts;
  for (const auto& message : comm.exchange("hosts", {{0, bytes_of(host_name())}})) {
    hosts.emplace(message.bytes.begin(), message.bytes.end());
  }
  return hosts.size();
}

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

std::int64_t now_unix_ns() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

benchmark::Measured measure(const h5dcp::Comm& comm, const std::string& name,
                            const benchmark::Run& run, const fs::path& folder,
                            std::mt19937_64& random) {
  std::unique_ptr<benchmark::Workload> workload;
  std::unique_ptr<benchmark::RankState> state;
  comm.agree("make the tensors of " + name, [&] {
    workload = std::make_unique<benchmark::Workload>(make_workload(name, run, comm.size()));
    try {
      state = std::make_unique<benchmark::RankState>(*workload, comm.rank());
    } catch (const std::bad_alloc&) {
      throw std::runtime_error("they do not fit into memory: choose a smaller scale");
    }
  });
  benchmark::Measured measured{.workload = name, .size = size_of(*workload)};
  measured.each = measure(app::comm_options("h5dcp", comm.deadline()), run, folder, *state,
                          measured.size.nbytes, random);
  measured.summaries = summarize(run, measured.each);
  return measured;
}

int bench_together(const h5dcp::Comm& comm, const BenchOptions& options) {
  const auto& run = options.run;
  comm.agree("bench", [&] {
    if (comm.rank() == 0) check_can_be_written(options);
  });
  SharedScratch scratch(comm, run.dir, "bench");
  comm.agree("look into '" + scratch.path().string() + "'", [&] {
    if (!fs::is_directory(scratch.path())) {
      throw h5dcp::Error(h5dcp::ErrorCode::io, "it is not there: all ranks must see it");
    }
  });
  benchmark::Result result{.run = run};
  std::mt19937_64 random(1);
  for (const auto& name : run.workload) {
    comm.agree("make a folder", [&] {
      if (comm.rank() == 0) fs::create_directory(scratch.path() / name);
    });
    result.workloads.push_back(measure(comm, name, run, scratch.path() / name, random));
  }
  const auto hosts = count_hosts(comm);
  comm.agree("report", [&] {
    if (run.keep) scratch.keep();
    if (comm.rank() != 0) return;
    result.place = {kVersion, utc_text(now_unix_ns()), comm.size(), hosts,
                    file_system_of(scratch.path()).type};
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

int bench(const BenchOptions& options) {
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
