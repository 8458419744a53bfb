// In which order what is called, on whom, and what crosses ranks.

#include <mpi.h>

#include <algorithm>
#include <set>
#include <utility>

#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "h5dcp/stateful.hpp"
#include "scenarios/hooks.hpp"
#include "scenarios/outcome.hpp"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // save_state_dict is compared, too

namespace {

std::set<std::string> collectives;  // those that were used, by their names

}  // namespace

extern "C" {
int MPI_Iallreduce(const void* in, void* out, int count, MPI_Datatype type, MPI_Op op,
                   MPI_Comm comm, MPI_Request* request) {
  collectives.insert("MPI_Iallreduce");
  return PMPI_Iallreduce(in, out, count, type, op, comm, request);
}
int MPI_Ibcast(void* data, int count, MPI_Datatype type, int root, MPI_Comm comm,
               MPI_Request* request) {
  collectives.insert("MPI_Ibcast");
  return PMPI_Ibcast(data, count, type, root, comm, request);
}
int MPI_Ibarrier(MPI_Comm comm, MPI_Request* request) {
  collectives.insert("MPI_Ibarrier");
  return PMPI_Ibarrier(comm, request);
}
int MPI_Igatherv(const void* in, int count, MPI_Datatype type, void* out, const int* counts,
                 const int* places, MPI_Datatype out_type, int root, MPI_Comm comm,
                 MPI_Request* request) {
  collectives.insert("MPI_Igatherv");
  return PMPI_Igatherv(in, count, type, out, counts, places, out_type, root, comm, request);
}
int MPI_Iallgatherv(const void* in, int count, MPI_Datatype type, void* out, const int* counts,
                    const int* places, MPI_Datatype out_type, MPI_Comm comm, MPI_Request* request) {
  collectives.insert("MPI_Iallgatherv");
  return PMPI_Iallgatherv(in, count, type, out, counts, places, out_type, comm, request);
}
}

namespace h5dcp::conformance {
namespace {

// Notes its calls.
class Noted : public Stateful {
 public:
  Noted(std::string name, std::vector<std::string>& calls)
      : name_(std::move(name)), calls_(calls) {}

  TensorView v = floats({1}, 1);
  StateDict got;

  StateDict state_dict() override {
    calls_.push_back("state_dict of " + name_);
    return {{"v", v}, {"n", Map{{"k", 7}}}};
  }
  void load_state_dict(const StateDict& state_dict) override {
    calls_.push_back("load_state_dict of " + name_);
    got = state_dict;
  }

 private:
  std::string name_;
  std::vector<std::string>& calls_;
};

Json stateful(const Job& job) {
  std::vector<std::string> calls;
  Noted a("a", calls);
  Noted b("b", calls);
  StateDict state{{"b", &b}, {"a", &a}};
  save_to(job.checkpoint(), state);
  const auto saved = std::exchange(calls, {});
  copy_elements(floats({1}, 0), a.v);
  load_from(job.checkpoint(), state);
  const auto* kept = std::get_if<Stateful*>(&state.at("a"));
  return {{"save", saved},
          {"load", calls},
          {"kept", kept != nullptr && *kept == &a},
          {"got", of_value(a.got)}};
}

Json stateful_inside(const Job& job) {
  std::vector<std::string> calls;
  Noted a("a", calls);
  of_call([&] { save_to(job.checkpoint(), {{"outer", Map{{"a", &a}}}}); });
  return calls;
}

// Fails in one of its methods, on every rank.
class Failing : public Noted {
 public:
  explicit Failing(std::string method) : Noted("f", unread_), method_(std::move(method)) {}

  StateDict state_dict() override {
    fail_in("state_dict");
    return Noted::state_dict();
  }
  void load_state_dict(const StateDict& /*state_dict*/) override { fail_in("load_state_dict"); }

 private:
  void fail_in(const std::string& method) const {
    if (method == method_) throw Error(ErrorCode::io, "planned fault");
  }

  std::vector<std::string> unread_;
  std::string method_;
};

Json stateful_that_fails(const Job& job) {
  Failing asked("state_dict");
  Failing given("load_state_dict");
  save_to(job.checkpoint(), {{"f", &given}});
  StateDict fails_when_asked{{"f", &asked}};
  StateDict fails_when_given{{"f", &given}};
  return Json::array({of_call([&] { save_to(job.checkpoint("2"), fails_when_asked); }),
                      of_call([&] { load_from(job.checkpoint(), fails_when_asked); }),
                      of_call([&] { load_from(job.checkpoint(), fails_when_given); })});
}

// Ranks 1 and 2 of the world; null on the others.
class Group {
 public:
  explicit Group(const Job& job) {
    const bool is_member = job.rank == 1 || job.rank == 2;
    MPI_Comm_split(MPI_COMM_WORLD, is_member ? 0 : MPI_UNDEFINED, job.rank, &comm_);
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  ~Group() {
    if (is_member()) MPI_Comm_free(&comm_);
  }

  bool is_member() const { return comm_ != MPI_COMM_NULL; }
  MPI_Comm get() const { return comm_; }

 private:
  MPI_Comm comm_ = MPI_COMM_NULL;
};

// The group saves what its ranks have; ranks are counted in the group.
Json group(const Job& job) {
  const Group members(job);
  if (!members.is_member()) return nullptr;
  StateDict state{{"r" + std::to_string(job.rank), job.rank}};
  save(state, {.checkpoint_id = job.checkpoint(), .comm = members.get()});
  return of_writers(job.checkpoint());
}

Json coordinator_of_a_group(const Job& job) {
  const Group members(job);
  if (!members.is_member()) return nullptr;
  StateDict state{{"a", 1}};
  Calls calls;
  NotingWriter writer(calls);
  NotingSavePlanner planner(calls);
  save_state_dict(state, writer, members.get(), 1, false, &planner);
  std::erase_if(calls.made, [](const auto& call) {
    return call != "create_global_plan" && call != "prepare_global_plan" && call != "finish";
  });
  return calls.made;
}

Json failure_in_a_group(const Job& job) {
  const Group members(job);
  if (!members.is_member()) return nullptr;
  StateDict state{{"a", 1}};
  Calls calls{{}, job.rank == 2 ? "write_data" : ""};
  NotingWriter writer(calls);
  return of_call([&] { save(state, {.storage_writer = &writer, .comm = members.get()}); });
}

// The ways in which bytes cross ranks, each once. MPI_Ibarrier ends an exchange of messages.
Json sent(const Job& job) {
  const auto during = [](const auto& work) {
    collectives.clear();
    work();
    return Json(collectives);
  };
  StateDict state{{"a", floats({1}, 1)}};
  const auto saving = during([&] { save(state, {.checkpoint_id = job.checkpoint()}); });
  return {{"save", saving}, {"load", during([&] { load_from(job.checkpoint(), state); })}};
}

Json order_of_a_save(const Job& job) {
  StateDict state{{"t", floats({2}, 0)}, {"k", 7}};
  Calls calls;
  NotingWriter writer(calls);
  NotingSavePlanner planner(calls);
  save(state, {.checkpoint_id = job.checkpoint(), .storage_writer = &writer, .planner = &planner});
  return calls.made;
}

Json order_of_a_load(const Job& job) {
  StateDict state{{"k", 0}, {"t", floats({2}, 0)}};
  Calls calls;
  NotingReader reader(calls, 2, {{{0}, {2}}});
  NotingLoadPlanner planner(calls);
  load(state, {.checkpoint_id = job.checkpoint(), .storage_reader = &reader, .planner = &planner});
  return calls.made;
}

// When the storage is opened, and when the state is asked for and given back.
Json order_of_a_load_with_a_stateful(const Job& job) {
  Calls calls;
  Noted s("s", calls.made);
  StateDict state{{"t", floats({2}, 0)}, {"k", 0}, {"s", &s}};
  NotingReader reader(calls, 2, {{{0}, {2}}});
  NotingLoadPlanner planner(calls, {.allow_partial_load = true});
  load(state, {.checkpoint_id = job.checkpoint(), .storage_reader = &reader, .planner = &planner});
  std::erase_if(calls.made, [](const auto& call) {
    return call != "reset" && call != "read_metadata" && call != "set_up_planner" &&
           call != "read_data" && call.find("state_dict") == std::string::npos;
  });
  return calls.made;
}

// A storage that knows where to, and is told no checkpoint id.
Json reset_without_an_id(const Job& /*job*/) {
  Calls saving;
  NotingWriter writer(saving);
  StateDict state{{"k", 7}};
  save(state, {.storage_writer = &writer});
  Calls loading;
  NotingReader reader(loading, 2, {{{0}, {2}}});
  state = {{"t", floats({2}, 0)}};
  load(state, {.storage_reader = &reader});
  const auto is_reset = [](const Calls& calls) {
    return std::ranges::find(calls.made, "reset") != calls.made.end();
  };
  return Json::array({is_reset(saving), is_reset(loading)});
}

Json after(const Calls& calls, const std::string& name) {
  return std::vector<std::string>(std::ranges::find(calls.made, name) + 1, calls.made.end());
}

// How the planner is asked for data, once the plan is made.
Json data_of_a_save(const Job& /*job*/) {
  struct Looking : GlobalSavePlanner {
    explicit Looking(Calls& shared) : calls(shared) {}
    Calls& calls;
    std::variant<TensorView, Bytes> resolve_data(const WriteItem& item) override {
      calls.note("resolve_data");
      return GlobalSavePlanner::resolve_data(item);
    }
    Value lookup_object(const MetadataIndex& index) override {
      calls.note("lookup_object");
      return GlobalSavePlanner::lookup_object(index);
    }
    std::variant<TensorView, Bytes> transform_object(const WriteItem& item, Value object) override {
      calls.note("transform_object");
      return GlobalSavePlanner::transform_object(item, std::move(object));
    }
  };
  StateDict state{{"t", floats({2}, 0)}, {"k", 7}};
  Calls calls;
  NotingWriter writer(calls);
  Looking planner(calls);
  save(state, {.storage_writer = &writer, .planner = &planner});
  return after(calls, "write_data");
}

Json data_of(StateDict state) {
  struct Looking : NotingLoadPlanner {
    explicit Looking(Calls& shared) : NotingLoadPlanner(shared), calls(shared) {}
    Calls& calls;
    TensorView lookup_tensor(const MetadataIndex& index) override {
      calls.note("lookup_tensor");
      return NotingLoadPlanner::lookup_tensor(index);
    }
    TensorView transform_tensor(const ReadItem& item, const TensorView& tensor) override {
      calls.note("transform_tensor");
      return NotingLoadPlanner::transform_tensor(item, tensor);
    }
  };
  Calls calls;
  NotingReader reader(calls, 2, {{{0}, {2}}});
  Looking planner(calls);
  load(state, {.storage_reader = &reader, .planner = &planner});
  return after(calls, "read_data");
}

Json data_of_a_load(const Job& /*job*/) {
  return data_of({{"k", 0}, {"t", floats({2}, 0)}});
}

Json data_of_a_load_of_unsorted_keys(const Job& /*job*/) {
  return data_of({{"t", floats({2}, 0)}, {"k", 0}});
}

}  // namespace

std::vector<Scenario> call_scenarios() {
  return {{"C10.stateful", 1, stateful},
          {"C10.stateful_inside", 1, stateful_inside},
          {"C10.stateful_that_fails", 2, stateful_that_fails},
          {"C24.group", 4, group},
          {"C24.coordinator_of_a_group", 4, coordinator_of_a_group},
          {"C24.failure_in_a_group", 4, failure_in_a_group},
          {"C26.sent", 2, sent},
          {"C45.order_of_a_save", 2, order_of_a_save},
          {"C45.order_of_a_load", 2, order_of_a_load},
          {"C45.order_of_a_load_with_a_stateful", 2, order_of_a_load_with_a_stateful},
          {"C45.reset_without_an_id", 2, reset_without_an_id},
          {"C45.data_of_a_save", 2, data_of_a_save},
          {"C45.data_of_a_load", 2, data_of_a_load},
          {"C45.data_of_a_load_of_unsorted_keys", 2, data_of_a_load_of_unsorted_keys}};
}

}  // namespace h5dcp::conformance
