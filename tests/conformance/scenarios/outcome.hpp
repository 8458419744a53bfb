// What a scenario gets, and how its outcome is written down so that both sides can be compared.
// outcome.py is the same for DCP.

#pragma once

#include <mpi.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "h5dcp/metadata.hpp"
#include "h5dcp/planner.hpp"
#include "h5dcp/state_dict.hpp"

namespace h5dcp::conformance {

using Json = nlohmann::json;

struct Job {
  int rank = 0;
  int size = 1;
  std::string path;   // for checkpoints; a suffix tells several apart
  const Json& cases;  // made by conformance_test.py

  std::string checkpoint(const std::string& suffix = "") const { return path + suffix + ".h5"; }
};

struct Scenario {
  std::string name;
  int ranks;                                // on which it runs
  std::function<Json(const Job& job)> run;  // the outcome on this rank
};

// By what they look at; each has a source of its own, beside that of DCP.
std::vector<Scenario> content_scenarios();
std::vector<Scenario> name_scenarios();
std::vector<Scenario> plan_scenarios();
std::vector<Scenario> failure_scenarios();
std::vector<Scenario> call_scenarios();
std::vector<Scenario> helper_scenarios();
std::vector<Scenario> transform_scenarios();
std::vector<Scenario> caching_scenarios();

Json of_extents(const Extents& extents);

Json of_path(const Path& path);

// Any value of a state dict: every bit of a tensor counts.
Json of_value(const Value& value);

// "done", or how it failed: the step and, by rank, the code of the error. `names` are words that
// the messages should have; those that every message has are listed.
Json of_call(const std::function<void()>& call, const std::vector<std::string>& names = {});

// {name: tensor or value} and {name: path}.
Json of_entries(const Metadata& metadata);

Json of_chunks(const Metadata& metadata, const std::string& name);

// {name: the ranks that wrote it}
Json of_writers(const std::string& checkpoint);

// 0, 1, 2, ... as float32.
TensorView arange(const Extents& sizes, float first = 0);

TensorView floats(const Extents& sizes, float element);

// Collective over MPI_COMM_WORLD, as is load_from; returns what was saved.
Metadata save_to(const std::string& checkpoint, StateDict state, SavePlanner* planner = nullptr);

void load_from(const std::string& checkpoint, StateDict& state, LoadPlanner* planner = nullptr);

// The state dict after a load of the scenario's checkpoint into it.
Json loaded(const Job& job, StateDict state, LoadPlanner* planner = nullptr);

}  // namespace h5dcp::conformance
