// Runs the scenarios with h5dcp: h5dcp_side OUTPUT CASES [--plant HOW SCENARIO], under mpiexec.
//
// Runs those for as many ranks as there are, in the folder OUTPUT, and writes their outcomes to
// OUTPUT/h5dcp.<ranks>.json: {name: [outcome of rank 0, of rank 1, ...]}. dcp_side.py does the same
// with PyTorch's DCP.
//
// With --plant, one outcome is made wrong on the last rank, to show that the comparison sees it.

#include <mpi.h>

#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "h5dcp/comm.hpp"
#include "scenarios/outcome.hpp"

namespace h5dcp::conformance {
namespace {

// Changes the first part of `json` that `change` knows how to; whether there was one.
bool change_first(Json& json, const std::function<bool(Json&)>& change) {
  if (change(json)) return true;
  if (!json.is_structured()) return false;
  for (auto& part : json) {
    if (change_first(part, change)) return true;
  }
  return false;
}

bool flip_byte(Json& json) {
  if (!json.is_object() || !json.contains("bytes")) return false;
  auto& digits = json["bytes"].get_ref<std::string&>();
  if (digits.empty()) return false;
  digits.back() = digits.back() == '0' ? '1' : '0';
  return true;
}

bool drop_rank(Json& json) {
  if (!json.is_object() || !json.contains("ranks")) return false;
  json["ranks"].erase(json["ranks"].begin());
  return true;
}

bool swap_calls(Json& json) {
  if (!json.is_array() || json.size() < 2 || !json[0].is_string() || json[0] == json[1]) {
    return false;
  }
  std::swap(json[0], json[1]);
  return true;
}

struct Plant {
  std::string how;
  std::string scenario;
};

void make_wrong(Json& outcome, const Plant& plant) {
  const std::pair<const char*, bool (*)(Json&)> ways[] = {
      {"flip_byte", flip_byte}, {"drop_rank", drop_rank}, {"swap_calls", swap_calls}};
  for (const auto& [name, change] : ways) {
    if (plant.how == name && change_first(outcome, change)) return;
  }
  throw std::invalid_argument("cannot " + plant.how + " in " + outcome.dump());
}

// What each rank has, in their order, on rank 0. Collective.
Json gather(const Comm& comm, const Json& mine) {
  const auto text = mine.dump();
  Json all = Json::array();
  for (const auto& message : comm.exchange("outcomes", {{0, {text.begin(), text.end()}}})) {
    all.push_back(Json::parse(message.bytes));
  }
  return all;
}

Json outcome_of(const Scenario& scenario, const Job& job) {
  try {
    return scenario.run(job);
  } catch (const std::exception& error) {  // no scenario expects this
    return {{"crashed", error.what()}};
  }
}

void run_all(const std::string& output, const Json& cases, const Plant& plant) {
  const Comm comm(MPI_COMM_WORLD);
  Job job{comm.rank(), comm.size(), "", cases};
  Json outcomes = Json::object();
  for (const auto& scenarios :
       {content_scenarios(), name_scenarios(), plan_scenarios(), failure_scenarios(),
        call_scenarios(), helper_scenarios(), transform_scenarios(), caching_scenarios()}) {
    for (const auto& scenario : scenarios) {
      if (scenario.ranks != job.size) continue;
      job.path = output + "/h5dcp." + scenario.name;
      Json outcome = outcome_of(scenario, job);
      if (plant.scenario == scenario.name && job.rank == job.size - 1) make_wrong(outcome, plant);
      outcomes[scenario.name] = gather(comm, outcome);
    }
  }
  if (job.rank == 0) {
    std::ofstream(output + "/h5dcp." + std::to_string(job.size) + ".json") << outcomes;
  }
}

}  // namespace
}  // namespace h5dcp::conformance

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  MPI_Init(&argc, &argv);
  try {
    h5dcp::conformance::Plant plant;
    if (words.size() == 5 && words[2] == "--plant") plant = {words[3], words[4]};
    h5dcp::conformance::run_all(words.at(0),
                                h5dcp::conformance::Json::parse(std::ifstream(words.at(1))), plant);
  } catch (const std::exception& error) {
    std::cerr << "h5dcp_side: " << error.what() << '\n';
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
}
