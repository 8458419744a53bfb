#include "measure_all.hpp"

#include <chrono>
#include <memory>
#include <new>
#include <random>
#include <set>
#include <stdexcept>
#include <string>

#include "file_system.hpp"
#include "h5dcp/error.hpp"
#include "hang.hpp"
#include "ranks.hpp"
#include "text.hpp"
#include "version.hpp"

namespace tool::benchmark {
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

std::int64_t now_unix_ns() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

Measured measure_workload(const h5dcp::Comm& comm, const std::string& name, const Run& run,
                          const fs::path& folder, std::mt19937_64& random) {
  std::unique_ptr<Workload> workload;
  std::unique_ptr<RankState> state;
  comm.agree("make the tensors of " + name, [&] {
    workload = std::make_unique<Workload>(make_workload(name, run, comm.size()));
    try {
      state = std::make_unique<RankState>(*workload, comm.rank());
    } catch (const std::bad_alloc&) {
      throw std::runtime_error("they do not fit into memory: choose a smaller scale");
    }
  });
  Measured measured{.workload = name, .size = size_of(*workload)};
  measured.each = measure(app::comm_options("h5dcp", comm.deadline()), run, folder, *state,
                          measured.size.nbytes, random);
  measured.summaries = summarize(run, measured.each);
  return measured;
}

}  // namespace

Result measure_all(const h5dcp::Comm& comm, const Run& run, const fs::path& folder) {
  comm.agree("look into '" + folder.string() + "'", [&] {
    if (!fs::is_directory(folder)) {
      throw h5dcp::Error(h5dcp::ErrorCode::io, "it is not there: all ranks must see it");
    }
  });
  Result result{.run = run};
  std::mt19937_64 random(1);
  for (const auto& name : run.workload) {
    comm.agree("make a folder", [&] {
      if (comm.rank() == 0) fs::create_directory(folder / name);
    });
    result.workloads.push_back(measure_workload(comm, name, run, folder / name, random));
  }
  const auto hosts = count_hosts(comm);
  comm.agree("where this is", [&] {
    if (comm.rank() != 0) return;
    result.place = {kVersion, utc_text(now_unix_ns()), comm.size(), hosts,
                    file_system_of(folder).type};
  });
  return result;
}

}  // namespace tool::benchmark
