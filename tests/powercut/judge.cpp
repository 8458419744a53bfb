// Tells what a power cut has left: reads lines "WAY<tab>PATH<tab>PATH..." and answers each with a
// line that has, between tabs, what is at each PATH ("none", a version, or what is wrong with it),
// and then what is wrong after another save to each of them; nothing if nothing is.
//
// It opens, verifies and loads what is there. The saves must succeed, leave the other checkpoints
// as they are, and leave nothing beside the checkpoints and their data files but what is torn.

#include <mpi.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "files/file_head.hpp"
#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "h5dcp/verify.hpp"
#include "ways.hpp"

namespace h5dcp {
namespace {

namespace fs = std::filesystem;

constexpr int kLaterVersion = 90;

// Without what would end a field.
std::string in_one_field(std::string text) {
  for (auto& c : text) {
    if (c == '\n' || c == '\t') c = ' ';
  }
  return text;
}

std::string version_at(const std::string& path) {
  if (!fs::exists(fs::symlink_status(path))) return "none";
  try {
    for (const auto& damage : verify_checkpoint(path)) return "damaged: " + to_string(damage);
    auto state = test::crash_state(0, 0, 1, false);
    Hdf5Reader reader(path);
    load(state, {.storage_reader = &reader, .no_dist = true});
    const auto version = static_cast<int>(std::get<std::int64_t>(state.at("step")));
    const auto wrong = test::not_of_version(state, version);
    return wrong.empty() ? std::to_string(version)
                         : "not all of version " + std::to_string(version) + ": " + wrong;
  } catch (const std::exception& error) {
    return error.what();
  }
}

bool is_torn(const fs::path& file) {
  return fs::is_regular_file(file) && head_of(file.string()).kind == FileHead::Kind::foreign;
}

// Whether nobody can tell that this is ours: its first bytes were torn, or those of the unfinished
// file that it belongs to, or of a data file in it. What is not known to be ours stays.
bool may_stay(const fs::path& path) {
  const auto name = path.string();
  const auto end = name.find(".partial");
  if (end != name.npos) return is_torn(name.substr(0, end) + ".partial");
  if (!name.ends_with(".data")) return false;
  const auto checkpoint = path.stem().string();  // with the generation
  if (fs::exists(path.parent_path() / ("." + checkpoint + ".partial"))) return true;
  return std::ranges::any_of(fs::directory_iterator(path),
                             [](const auto& entry) { return is_torn(entry.path()); });
}

// What is in the folders of `paths` beside these and their data files.
std::string strays(const std::vector<std::string>& paths) {
  std::set<fs::path> folders;
  std::set<fs::path> expected;
  for (const auto& path : paths) {
    folders.insert(fs::path(path).parent_path());
    expected.insert(path);
    const CheckpointFile file(path);
    if (file.summary().data_files > 0) {
      expected.insert(fs::path(file.data_file_path(1)).parent_path());
    }
  }
  std::string found;
  for (const auto& folder : folders) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (!expected.contains(entry.path()) && !folders.contains(entry.path()) &&
          !may_stay(entry.path())) {
        found += " " + entry.path().filename().string();
      }
    }
  }
  return found;
}

std::string fault_of_later_saves(const std::string& way, const std::vector<std::string>& paths) {
  try {
    int version = 0;
    // Twice: the first save to one path may keep what a torn file of the other may refer to.
    for (int round = 0; round < 2; ++round) {
      version = kLaterVersion;
      for (const auto& path : paths) {
        auto state = test::crash_state(version++, 0, 1, true);
        Hdf5Writer writer(path, test::options_of(way));
        save(state, {.storage_writer = &writer, .no_dist = true});
      }
      if (paths.size() == 1) break;
    }
    version = kLaterVersion;
    for (const auto& path : paths) {
      const auto found = version_at(path);
      if (found != std::to_string(version++)) return "after later saves '" + path + "' is " + found;
    }
    const auto left = strays(paths);
    return left.empty() ? "" : "later saves leave" + left;
  } catch (const std::exception& error) {
    return std::string("a later save: ") + error.what();
  }
}

void judge() {
  for (std::string line; std::getline(std::cin, line);) {
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, '\t');) fields.push_back(field);
    const std::vector<std::string> paths(fields.begin() + 1, fields.end());
    for (const auto& path : paths) std::cout << in_one_field(version_at(path)) << '\t';
    std::cout << in_one_field(fault_of_later_saves(fields.at(0), paths)) << std::endl;
  }
}

}  // namespace
}  // namespace h5dcp

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  h5dcp::judge();
  MPI_Finalize();
  return 0;
}
