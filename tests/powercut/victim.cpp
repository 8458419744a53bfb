// Does what a power cut is to interrupt, under the shim's log of effects (shim/effects.h), and
// marks in the log when it begins something and when that has returned.
//
//   powercut_victim save WAY PATH VERSION COUNT REPLACE
//       makes the folder of PATH, as a program does, and saves COUNT versions, each over the last
//   powercut_victim die WAY PATH VERSION
//       saves, and is killed right after the rename
//   powercut_victim copy|move REPLACE FROM TO VERSION
//       copies or moves the checkpoint of that version
//   powercut_victim link REPLACE FROM TO VERSION
//       moves, on a file system without RENAME_NOREPLACE
//   powercut_victim duplicate FROM TO
//       copies a folder as cp -r does, which syncs nothing
//
// REPLACE is "replace" or "refuse". A job is "begin <what> <fields>" in the log, then
// "end <what> <fields>" on each rank for which it returned.

#include <fcntl.h>
#include <mpi.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "h5dcp/copy_checkpoint.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "shim/shim.h"
#include "ways.hpp"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;

// Marks the begin of a job, on rank 0 and before any rank begins, and its end.
template <class Work>
void marked(const std::string& job, const Work& work) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 0) h5dcp_shim_mark(("begin " + job).c_str());
  MPI_Barrier(MPI_COMM_WORLD);
  work();
  h5dcp_shim_mark(("end " + job).c_str());
}

Overwrite overwrite_of(const std::string& word) {
  return word == "refuse" ? Overwrite::refuse : Overwrite::replace;
}

void save_versions(const std::string& way, const std::string& path, int version, int count,
                   Overwrite overwrite) {
  int rank = 0;
  int size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  auto options = test::options_of(way);
  options.overwrite = overwrite;
  Hdf5Writer writer(path, options);
  std::optional<PlanCache> cache;
  if (way == "repeated") cache.emplace();
  if (rank == 0) fs::create_directories(fs::path(path).parent_path());
  for (int last = version + count; version < last; ++version) {
    auto state = test::crash_state(version, rank, size, true);
    marked("save " + path + " " + std::to_string(version), [&] {
      save(state, {.storage_writer = &writer, .plan_cache = cache ? &*cache : nullptr});
    });
  }
}

void duplicate(const fs::path& from, const fs::path& to) {
  fs::create_directory(to);
  for (const auto& entry : fs::directory_iterator(from)) {
    const auto copy = to / entry.path().filename();
    if (entry.is_directory()) {
      duplicate(entry.path(), copy);
      continue;
    }
    const int in = ::open(entry.path().c_str(), O_RDONLY);
    const int out = ::open(copy.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    std::vector<char> bytes(fs::file_size(entry.path()));
    const auto size = static_cast<ssize_t>(bytes.size());
    if (in < 0 || out < 0 || ::pread(in, bytes.data(), bytes.size(), 0) != size ||
        ::pwrite(out, bytes.data(), bytes.size(), 0) != size) {
      throw std::runtime_error("cannot copy " + entry.path().string());
    }
    ::close(in);
    ::close(out);
  }
}

void run(const std::vector<std::string>& arguments) {
  const auto& what = arguments.at(1);
  if (what == "save" || what == "die") {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    const auto& path = arguments.at(3);
    if (what == "die" && rank == 0) {
      h5dcp_shim_arm(fs::path(path).parent_path().c_str(), SHIM_CHANGES, SHIM_NONE, 0);
      h5dcp_shim_die_after("rename");
    }
    const bool dies = what == "die";
    save_versions(arguments.at(2), path, std::stoi(arguments.at(4)),
                  dies ? 1 : std::stoi(arguments.at(5)),
                  overwrite_of(dies ? "replace" : arguments.at(6)));
  } else if (what == "duplicate") {
    duplicate(arguments.at(2), arguments.at(3));
  } else {
    const auto overwrite = overwrite_of(arguments.at(2));
    const auto& from = arguments.at(3);
    const auto& to = arguments.at(4);
    if (what == "link") {
      h5dcp_shim_arm(fs::path(to).parent_path().c_str(), SHIM_CHANGES, SHIM_NONE, 0);
      h5dcp_shim_forbid("renameat2", EINVAL);
    }
    marked((what == "copy" ? "copy " : "move ") + from + " " + to + " " + arguments.at(5), [&] {
      what == "copy" ? copy_checkpoint(from, to, overwrite) : move_checkpoint(from, to, overwrite);
    });
  }
}

}  // namespace
}  // namespace h5dcp

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  try {
    h5dcp::run({argv, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return 0;
}
