// What is told of an error, to which ranks, and what becomes of the checkpoint.

#include <algorithm>
#include <exception>
#include <filesystem>
#include <utility>

#include "h5dcp/hdf5.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "scenarios/hooks.hpp"
#include "scenarios/outcome.hpp"

namespace h5dcp::conformance {
namespace {

Json save_by(StorageWriterBase& writer, StateDict state,
             const std::vector<std::string>& names = {}) {
  return of_call([&] { save(state, {.storage_writer = &writer}); }, names);
}

Json refuse_to_overwrite(const Job& job) {
  save_to(job.checkpoint(), {{"a", floats({2}, 0)}});
  Hdf5Writer writer(job.checkpoint(), {.overwrite = Overwrite::refuse});
  const auto outcome = save_by(writer, {{"a", floats({2}, 1)}});
  return Json::array({outcome, loaded(job, {{"a", floats({2}, -1)}})});
}

Json second_save_fails(const Job& job) {
  struct Crashing : Hdf5Writer {
    using Hdf5Writer::Hdf5Writer;
    void finish(const Comm& comm) override {
      comm.agree("finish", [] { throw Error(ErrorCode::io, "crash"); });
    }
  };
  save_to(job.checkpoint(), {{"a", floats({2}, 0)}});
  Crashing writer(job.checkpoint());
  const auto outcome = save_by(writer, {{"a", floats({2}, 1)}});
  return Json::array({outcome, loaded(job, {{"a", floats({2}, -1)}})});
}

// Files of an earlier save beside the second.
Json leftovers(const Job& job) {
  std::filesystem::create_directory(job.path);
  const auto checkpoint = job.path + "/x.h5";
  save_to(checkpoint, {{"a", floats({2}, 0)}, {"b", 1}});
  save_to(checkpoint, {{"a", floats({2}, 0)}});
  Json names = Json::array();
  for (const auto& file : std::filesystem::directory_iterator(job.path)) {
    const auto name = file.path().filename().string();
    if (name != "x.h5") names.push_back(name);
  }
  return names;
}

Json load_from_nowhere(const Job& job) {
  StateDict state{{"a", 1}};
  return of_call([&] { load_from(job.checkpoint(), state); });
}

Json no_checkpoint_id(const Job& /*job*/) {
  StateDict state{{"a", 1}};
  return Json::array({of_call([&] { save(state, {}); }), of_call([&] { load(state, {}); })});
}

Json unknown_scheme(const Job& /*job*/) {
  StateDict state{{"a", 1}};
  return Json::array({of_call([&] { save(state, {.checkpoint_id = "foo://bar"}); }),
                      of_call([&] { load(state, {.checkpoint_id = "foo://bar"}); })});
}

// Whether what a program catches as any exception, it catches.
Json caught_as_any_exception(const Job& job) {
  StateDict state{{"a", 1}};
  try {
    load_from(job.checkpoint(), state);
  } catch (const std::exception&) {
    return true;
  } catch (...) {
    return false;
  }
  return nullptr;
}

struct Hooks {
  std::string part;  // planner or storage
  std::vector<std::string> names;
};

const std::vector<Hooks> kSaveHooks{
    {"planner", {"set_up_planner", "create_local_plan", "finish_plan", "resolve_data"}},
    {"storage", {"storage_meta", "set_up_storage_writer", "prepare_local_plan", "write_data"}}};
const std::vector<Hooks> kSaveHooksOfTheCoordinator{{"planner", {"create_global_plan"}},
                                                    {"storage", {"prepare_global_plan", "finish"}}};
const std::vector<Hooks> kLoadHooks{
    {"planner",
     {"set_up_planner", "create_local_plan", "finish_plan", "resolve_tensor", "commit_tensor",
      "load_bytes"}},
    {"storage", {"set_up_storage_reader", "prepare_local_plan", "read_data"}}};
const std::vector<Hooks> kLoadHooksOfTheCoordinator{{"planner", {"create_global_plan"}},
                                                    {"storage", {"prepare_global_plan"}}};

Json save_with(Calls& calls) {
  StateDict state{{"t", floats({4}, 0)}, {"k", 7}, {"l", 8}};
  NotingWriter writer(calls);
  NotingSavePlanner planner(calls);
  const auto outcome = of_call(
      [&] { save(state, {.storage_writer = &writer, .planner = &planner}); }, {"planned fault"});
  const bool finished = calls.made.back() == "finish" && calls.failing.empty();
  return Json::array({outcome, finished ? "finished" : "not finished"});
}

Json load_with(Calls& calls, StateDict state) {
  NotingReader reader(calls, 4, {{{0}, {4}}});
  NotingLoadPlanner planner(calls);
  return of_call([&] { load(state, {.storage_reader = &reader, .planner = &planner}); },
                 {"planned fault"});
}

// The hook fails on these ranks.
std::function<Json(const Job&)> fails_in(const std::string& hook, bool saves,
                                         const std::vector<int>& failing) {
  return [=](const Job& job) {
    const bool fails = std::ranges::find(failing, job.rank) != failing.end();
    Calls calls{{}, fails ? hook : ""};
    return saves ? save_with(calls) : load_with(calls, {{"t", floats({4}, 0)}, {"k", 0}});
  };
}

void add(std::vector<Scenario>& scenarios, bool saves, const std::vector<Hooks>& hooks,
         const std::vector<int>& failing, const std::string& who) {
  for (const auto& [part, names] : hooks) {
    for (const auto& hook : names) {
      const std::string verb = saves ? "save" : "load";
      scenarios.push_back(
          {"C20." + verb + "." + part + "." + hook + "." + who, 2, fails_in(hook, saves, failing)});
    }
  }
}

Json metadata_unreadable_on_one_rank(const Job& job) {
  return fails_in("read_metadata", false, {1})(job);
}

Json two_causes(const Job& job) {
  Calls calls{{}, job.rank == 0 ? "create_local_plan" : ""};
  return load_with(calls, {{job.rank == 0 ? "k" : "zz", 0}});
}

// With the storage that programs use: what was written is no checkpoint.
Json disk_full_on_one_rank(const Job& job) {
  struct Full : Hdf5Writer {
    using Hdf5Writer::Hdf5Writer;
    bool full = false;
    std::vector<WriteResult> write_data(const Comm& comm, const SavePlan& plan,
                                        SavePlanner& planner) override {
      comm.agree("write", [&] {
        if (full) throw Error(ErrorCode::io, "disk full");
      });
      return Hdf5Writer::write_data(comm, plan, planner);
    }
  };
  Full writer(job.checkpoint());
  writer.full = job.rank == 1;
  const auto outcome = save_by(writer, {{"a", floats({2}, 1)}}, {"disk full"});
  StateDict state{{"a", floats({2}, 0)}};
  const auto after = of_call([&] { load_from(job.checkpoint(), state); });
  return Json::array({outcome, after == "done" ? "loads" : "does not load"});
}

// The storage lacks elements 3 and 4 of 8.
Json holes(const Job& /*job*/) {
  const auto target = floats({8}, -1);
  StateDict state{{"t", target}};
  Calls calls;
  NotingReader reader(calls, 8, {{{0}, {3}}, {{5}, {3}}});
  const auto outcome = of_call([&] { load(state, {.storage_reader = &reader}); }, {"'t'"});
  return Json::array({outcome, of_value(target)});
}

}  // namespace

std::vector<Scenario> failure_scenarios() {
  std::vector<Scenario> scenarios{
      {"C15.refuse_to_overwrite", 1, refuse_to_overwrite},
      {"C15.second_save_fails", 1, second_save_fails},
      {"C15.leftovers", 1, leftovers},
      {"C16.load_from_nowhere", 1, load_from_nowhere},
      {"C16.load_from_nowhere_together", 2, load_from_nowhere},
      {"C16.no_checkpoint_id", 2, no_checkpoint_id},
      {"C16.unknown_scheme", 2, unknown_scheme},
      {"C16.caught_as_any_exception", 1, caught_as_any_exception},
      {"C20.metadata_unreadable_on_one_rank", 2, metadata_unreadable_on_one_rank},
      {"C20.two_causes", 2, two_causes},
      {"C20.disk_full_on_one_rank", 2, disk_full_on_one_rank},
      {"C23.holes", 2, holes}};
  add(scenarios, true, kSaveHooks, {1}, "on_rank_1");
  add(scenarios, true, kSaveHooks, {0, 1}, "on_all");
  add(scenarios, true, kSaveHooksOfTheCoordinator, {0}, "on_the_coordinator");
  add(scenarios, false, kLoadHooks, {1}, "on_rank_1");
  add(scenarios, false, kLoadHooks, {0, 1}, "on_all");
  add(scenarios, false, kLoadHooksOfTheCoordinator, {0}, "on_the_coordinator");
  return scenarios;
}

}  // namespace h5dcp::conformance
