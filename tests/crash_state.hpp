// States of which every byte tells the version: a checkpoint is of one version, or it is a mix.

#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/state_dict.hpp"
#include "sample_state.hpp"

namespace h5dcp::test {

inline constexpr std::uint64_t kCrashPieceBytes = 8192;  // several writes of each rank

inline std::vector<Sample> crash_samples() {
  return {{"rows", DType::float32, {80, 64}},  // of two ranks also in chunks of shards
          {"columns", DType::bfloat16, {4, 6}},
          {"both", DType::int64, {5}}};
}

inline std::string name_of(Transfer transfer) {
  return std::string(to_string(transfer));
}

// Of files on Lustre, and what they get there unasked.
inline constexpr Striping kCrashStriping{2, 65536};
inline constexpr Striping kOtherStriping{1, 65536};

// What `rank` of `size` holds: rows, columns and a replica.
inline StateDict crash_state(int version, int rank, int size, bool filled) {
  const DeviceMesh mesh({size});
  const std::vector<std::vector<Placement>> placed{{Shard{0}}, {Shard{1}}, {Replicate{}}};
  const auto samples = crash_samples();
  StateDict state;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto& sample = samples[i];
    const auto box = local_box(sample.sizes, mesh, placed[i], rank);
    const auto tensor =
        distribute(allocate(sample.dtype, box.sizes), sample.sizes, mesh, placed[i], rank);
    if (filled) fill(sample.fqn + std::to_string(version), tensor);
    state[sample.fqn] = tensor;
  }
  state["step"] = filled ? version : 0;
  state["text"] = filled ? "version " + std::to_string(version) : "";
  return state;
}

// What is wrong with a state that was loaded from a checkpoint of `version`; empty if nothing is.
inline std::string not_of_version(const StateDict& state, int version) {
  std::string wrong;
  for (const auto& sample : crash_samples()) {
    const auto& tensor = std::get<ShardedTensor>(state.at(sample.fqn));
    const auto count = wrong_elements(sample.fqn + std::to_string(version), tensor);
    if (count > 0) wrong += sample.fqn + " (" + std::to_string(count) + " elements) ";
  }
  if (state.at("step") != Value(version)) wrong += "step ";
  if (state.at("text") != Value("version " + std::to_string(version))) wrong += "text ";
  return wrong;
}

// The version of the checkpoint at `path`, every byte of which is of that version; else nothing,
// and the test has failed. Rank-local, without MPI.
inline std::optional<int> version_of(const std::string& path, const std::string& why) {
  try {
    const CheckpointFile file(path);
    for (const auto& damage : verify_checkpoint(path))
      ADD_FAILURE() << why << ": " << to_string(damage);
    const auto value = [&file](const char* fqn) { return file.value(file.find(fqn).value()); };
    const auto version = static_cast<int>(std::get<std::int64_t>(value("step")));
    EXPECT_TRUE(value("text") == Value("version " + std::to_string(version))) << why;
    const auto whole = crash_state(version, 0, 1, true);
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    for (const auto& sample : crash_samples()) {
      const auto entry = file.entry(file.find(sample.fqn).value());
      const auto& tensor = std::get<ShardedTensor>(whole.at(sample.fqn));
      std::string stored(entry.nbytes, '\0');
      if (!entry.chunk_shape.empty() || !entry.data_files.empty()) {
        file.tensor(file.find(sample.fqn).value())
            .read(tensor.shards.at(0).box,
                  contiguous_view(stored.data(), sample.dtype, sample.sizes));
      } else {
        EXPECT_EQ(::pread(fd, stored.data(), stored.size(), static_cast<off_t>(entry.address)),
                  static_cast<ssize_t>(stored.size()));
      }
      EXPECT_EQ(std::memcmp(stored.data(), tensor.shards.at(0).view.data, stored.size()), 0)
          << why << ": '" << sample.fqn << "' is not of version " << version;
    }
    ::close(fd);
    return version;
  } catch (const std::exception& error) {
    ADD_FAILURE() << why << ": " << error.what();
  }
  return std::nullopt;
}

// All that is in `folder`, sorted.
inline std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

// The names of checkpoints and unfinished files in `folder`, sorted; not those of data files.
inline std::vector<std::string> checkpoints_in(const std::string& folder) {
  auto names = names_in(folder);
  std::erase_if(names, [](const std::string& name) { return name.ends_with(".data"); });
  return names;
}

// The folders of data files in `folder` that are not of the checkpoint at `path`.
inline std::vector<std::string> stray_data_in(const std::string& folder, const std::string& path) {
  const CheckpointFile file(path);
  const auto own = std::filesystem::path(file.data_file_path(1)).parent_path().filename();
  auto names = names_in(folder);
  std::erase_if(names, [&](const std::string& name) {
    return !name.ends_with(".data") || (file.summary().data_files > 0 && name == own);
  });
  return names;
}

}  // namespace h5dcp::test
