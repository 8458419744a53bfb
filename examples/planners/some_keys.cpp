// Loads a part of a checkpoint.

#include <h5dcp/h5dcp.hpp>

#include <string>
#include <utility>
#include <variant>

#include "example.hpp"

namespace example {
namespace {

// Of the state dict only what lies under one key; all else stays as it is.
class Only : public h5dcp::DefaultLoadPlanner {
 public:
  explicit Only(std::string key) : prefix_(std::move(key) + ".") {}

  h5dcp::LoadPlan create_local_plan() override {
    auto plan = DefaultLoadPlanner::create_local_plan();
    std::erase_if(plan.items,
                  [&](const auto& item) { return !item.dest_index.fqn.starts_with(prefix_); });
    return plan;
  }

 private:
  std::string prefix_;
};

}  // namespace

void load_some_keys(int rank, int ranks) {
  Rows w(3, rank, ranks);
  Rows momentum(4, rank, ranks);
  h5dcp::StateDict state{{"model", h5dcp::Map{{"w", w.tensor}, {"layers", 2}}},
                         {"optim", h5dcp::Map{{"w", momentum.tensor}, {"lr", 0.1}}}};
  const h5dcp::LoadArguments whole{.checkpoint_id = "whole.h5"};
  h5dcp::save(state, {.checkpoint_id = "whole.h5"});

  // A planner chooses among what the state dict has.
  Rows new_w(0, rank, ranks);
  Rows new_momentum(0, rank, ranks);
  h5dcp::StateDict other{{"model", h5dcp::Map{{"w", new_w.tensor}, {"layers", 0}}},
                         {"optim", h5dcp::Map{{"w", new_momentum.tensor}, {"lr", 0.5}}}};
  Only planner("model");
  auto arguments = whole;
  arguments.planner = &planner;
  h5dcp::load(other, arguments);
  check(new_w.all(3), "model.w");
  check(new_momentum.all(0), "optim.w has changed");
  check(other.at("optim") == h5dcp::Value(h5dcp::Map{{"w", new_momentum.tensor}, {"lr", 0.5}}),
        "optim.lr has changed");

  // Without a planner: a state dict with less in it loads less ...
  Rows alone(0, rank, ranks);
  h5dcp::StateDict small{{"optim", h5dcp::Map{{"w", alone.tensor}}}};
  h5dcp::load(small, whole);
  check(alone.all(4), "optim.w alone");

  // ... and what is wanted need not be known at all. Its tensors are whole, on every rank.
  const auto model = h5dcp::load_state_dict_from_keys({{"model"}}, whole);
  check(model.size() == 1, "more than the model was loaded");
  const auto& loaded = std::get<h5dcp::Map>(model.at("model"));
  check(std::get<h5dcp::TensorView>(loaded.at("w")).sizes == h5dcp::Extents{2 * ranks, 4},
        "the size of w");
  check(loaded.at("layers") == h5dcp::Value(2), "model.layers");
}

}  // namespace example
