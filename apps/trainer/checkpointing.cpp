#include "checkpointing.hpp"

#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"

namespace trainer {
namespace {

namespace fs = std::filesystem;
using h5dcp::Comm;
using h5dcp::ErrorCode;

// N of "step_<N>.h5".
std::optional<std::int64_t> step_of(const fs::path& path) {
  const std::string stem = path.stem();
  if (path.extension() != ".h5" || !stem.starts_with("step_")) return std::nullopt;
  std::istringstream number(stem.substr(5));
  std::int64_t step = 0;
  if (!(number >> step) || !number.eof()) return std::nullopt;
  return step;
}

// What `work` finds on rank 0, on every rank; what it throws, too.
std::string on_rank_0(const Comm& comm, std::string_view step,
                      const std::function<std::string()>& work) {
  std::string found;
  comm.agree(step, [&] {
    if (comm.rank() == 0) found = work();
  });
  const h5dcp::Bytes bytes = comm.broadcast(step, {found.begin(), found.end()}, 0);
  return {bytes.begin(), bytes.end()};
}

// The newest first.
std::vector<std::string> checkpoints(const Comm& comm, const std::string& folder) {
  const std::string lines = on_rank_0(comm, "look for checkpoints", [&] {
    std::map<std::int64_t, std::string, std::greater<>> by_step;
    if (fs::exists(folder)) {
      for (const auto& entry : fs::directory_iterator(folder)) {
        if (const auto step = step_of(entry.path())) by_step[*step] = entry.path();
      }
    }
    std::string joined;
    for (const auto& [step, path] : by_step) joined += path + "\n";
    return joined;
  });
  std::vector<std::string> paths;
  std::istringstream stream(lines);
  for (std::string path; std::getline(stream, path);) paths.push_back(path);
  return paths;
}

// Why the file is no checkpoint to load from; empty if it may be one.
std::string look_at(const Comm& comm, const std::string& path) {
  return on_rank_0(comm, "look at '" + path + "'", [&]() -> std::string {
    try {
      const h5dcp::CheckpointFile file(path);
      return "";
    } catch (const h5dcp::Error& error) {
      return error.what();
    }
  });
}

// The state dict without the part that is to be forgotten.
h5dcp::StateDict to_restore(Trainer& trainer, const std::string& forget) {
  h5dcp::StateDict kept;
  for (auto& [key, value] : trainer.state_dict()) {
    if (key != forget) kept[key] = std::move(value);
  }
  return kept;
}

void load(Trainer& trainer, const std::string& path, const Options& options, MPI_Comm comm) {
  h5dcp::StateDict state = to_restore(trainer, options.forget);
  h5dcp::Hdf5Reader reader(path, options.hdf5);
  h5dcp::load(state, {.storage_reader = &reader,
                      .comm = comm,
                      .deadline = options.comm.deadline,
                      .on_hang = options.comm.on_hang,
                      .options = options.comm.options});
  Comm(comm, options.comm).agree("resume from '" + path + "'", [&] {
    trainer.load_state_dict(state);
  });
}

}  // namespace

void save(Trainer& trainer, const Options& options, MPI_Comm parent) {
  const Comm comm(parent, options.comm);
  comm.agree("make '" + options.checkpoint + "'", [&] {
    if (comm.rank() == 0) fs::create_directories(options.checkpoint);
  });
  const std::string path =
      options.checkpoint + "/step_" + std::to_string(trainer.steps_done()) + ".h5";
  h5dcp::StateDict state = trainer.state_dict();
  h5dcp::Hdf5Writer writer(path, options.hdf5);
  h5dcp::save(state, {.storage_writer = &writer,
                      .comm = parent,
                      .deadline = options.comm.deadline,
                      .on_hang = options.comm.on_hang,
                      .options = options.comm.options});
}

void resume(Trainer& trainer, const Options& options, MPI_Comm parent) {
  const Comm comm(parent, options.comm);
  const auto say = [&](const std::string& line) {
    if (comm.rank() == 0) std::cout << line << std::endl;
  };
  const auto say_passed_over = [&](const std::string& path, const std::string& why) {
    say("passed over " + path + ": " + why);
  };
  const auto paths = checkpoints(comm, options.checkpoint);
  if (paths.empty()) {
    say("no checkpoint in " + options.checkpoint + ": starting at step 0");
    return;
  }
  for (const auto& path : paths) {
    std::string error = look_at(comm, path);
    if (error.empty()) {
      try {
        load(trainer, path, options, parent);
        say("resumed from " + path);
        return;
      } catch (const h5dcp::CheckpointException& failure) {
        // Damage to tensor data shows only now. The next checkpoint overwrites what was loaded.
        if (failure.code() != ErrorCode::corrupt && failure.code() != ErrorCode::io) throw;
        error = failure.what();
      }
    }
    say_passed_over(path, error);
  }
  comm.agree("resume from '" + options.checkpoint + "'", [] {
    throw h5dcp::Error(ErrorCode::not_found, "none of its checkpoints can be read");
  });
}

}  // namespace trainer
