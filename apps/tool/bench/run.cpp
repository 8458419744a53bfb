#include "run.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>

#include "verbs.hpp"
#include "way.hpp"
#include "workload.hpp"

namespace tool::benchmark {
namespace {

Json parse(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw UsageError("'" + path + "' cannot be read");
  auto json = Json::parse(file, nullptr, false);
  if (!json.is_object()) throw UsageError("'" + path + "' is no JSON object");
  return json;
}

std::string all_workloads() {
  std::string all;
  for (const auto& name : workload_names()) all += (all.empty() ? "" : ", ") + name;
  return all;
}

// What becomes another number or type when it is read is not what was meant, as 2.5 repetitions.
template <class Field>
void read_field(const Json& value, Field& field) {
  value.get_to(field);
  if (Json(field) != value) throw UsageError("not a value of that type");
}

void refuse_twice(const std::string& what, const std::vector<std::string>& names,
                  const std::string& name) {
  if (std::ranges::count(names, name) > 1) {
    throw UsageError(what + " '" + name + "' comes twice");
  }
}

}  // namespace

std::string workload_help() {
  return "The tensors, more than one with commas: " + all_workloads();
}

std::string way_help() {
  return "How to save and load, more than one with commas: words with + between them, of " +
         way_words();
}

Run read_run(const std::string& path) {
  const auto json = parse(path);
  Run run;
  std::size_t known = 0;
  for_each_field(run, [&](const char* name, auto& field, const auto&...) {
    const auto found = json.find(name);
    if (found == json.end()) return;
    ++known;
    try {
      read_field(*found, field);
    } catch (const std::exception&) {
      throw UsageError("'" + path + "': " + name + " cannot be " + found->dump());
    }
  });
  if (known == json.size()) return run;
  const auto fields = to_json(run);
  std::string unknown;
  for (const auto& [name, value] : json.items()) {
    if (!fields.contains(name)) unknown = name;
  }
  throw UsageError("'" + path + "': a run has no '" + unknown + "'");
}

Json to_json(const Run& run) {
  Json json;
  for_each_field(run,
                 [&](const char* name, const auto& field, const auto&...) { json[name] = field; });
  return json;
}

void add_profile(Run& run) {
  const auto names_it = [](const std::string& way) {
    return ('+' + way + '+').find("+profile+") != std::string::npos;
  };
  if (!run.profile.empty() && std::ranges::none_of(run.way, names_it))
    run.way.emplace_back("profile");
}

void check(const Run& run) {
  if (run.workload.empty()) throw UsageError("no workload");
  for (const auto& name : run.workload) {
    if (std::ranges::count(workload_names(), name) == 0) {
      throw UsageError("no workload '" + name + "'; there are " + all_workloads());
    }
    refuse_twice("workload", run.workload, name);
  }
  if (!std::isfinite(run.scale) || run.scale <= 0) throw UsageError("the scale is not above 0");
  if (run.repetitions < 1) throw UsageError("there must be a repetition");
  if (run.raw_files < 1) throw UsageError("raw must have a file");
  if (run.way.empty()) throw UsageError("no way to save and load");
  for (const auto& name : run.way) {
    way_named(name, run.profile);
    refuse_twice("way", run.way, name);
  }
}

}  // namespace tool::benchmark
