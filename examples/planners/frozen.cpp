// Leaves out what training does not change: whoever loads has it from elsewhere.

#include <h5dcp/h5dcp.hpp>

#include <set>
#include <string>
#include <utility>

#include "example.hpp"

namespace example {
namespace {

class WithoutFrozen : public h5dcp::DefaultSavePlanner {
 public:
  // The same names on all ranks, else there is a hole in a tensor and the save is refused.
  explicit WithoutFrozen(std::set<std::string> frozen) : frozen_(std::move(frozen)) {}

  h5dcp::SavePlan create_local_plan() override {
    auto plan = DefaultSavePlanner::create_local_plan();
    std::erase_if(plan.items, [&](const auto& item) { return frozen_.contains(item.index.fqn); });
    return plan;
  }

 private:
  std::set<std::string> frozen_;
};

}  // namespace

void skip_frozen(int rank, int ranks) {
  Rows base(1, rank, ranks);
  Rows adapter(2, rank, ranks);
  h5dcp::StateDict state{{"base", base.tensor}, {"adapter", adapter.tensor}};
  WithoutFrozen planner({"base"});
  h5dcp::save(state, {.checkpoint_id = "adapter.h5", .planner = &planner});

  Rows own_base(9, rank, ranks);
  Rows loaded(0, rank, ranks);
  h5dcp::StateDict other{{"base", own_base.tensor}, {"adapter", loaded.tensor}};
  h5dcp::DefaultLoadPlanner partial({.allow_partial_load = true});
  h5dcp::load(other, {.checkpoint_id = "adapter.h5", .planner = &partial});
  check(loaded.all(2), "the adapter");
  check(own_base.all(9), "the base has changed");
  check(partial.missing_keys() == std::vector<std::string>{"base"}, "what was missing");
}

}  // namespace example
