// Saves under other names than the program's: what a wrapper has put before them is left out.

#include <h5dcp/h5dcp.hpp>

#include <string>
#include <unordered_map>
#include <utility>

#include "example.hpp"

namespace example {
namespace {

// "module.w" of the state dict is "w" in the checkpoint.
class WithoutModule : public h5dcp::DefaultSavePlanner {
 public:
  h5dcp::SavePlan create_local_plan() override {
    own_names_.clear();
    auto plan = DefaultSavePlanner::create_local_plan();
    for (auto& item : plan.items) {
      if (item.path.size() < 2 || item.path.front() != h5dcp::PathItem("module")) continue;
      const auto own = item.index.fqn;
      item.path.erase(item.path.begin());
      item.index.fqn = h5dcp::to_fqn(item.path);
      own_names_[item.index.fqn] = own;
    }
    return plan;
  }

  // The data of a renamed item are asked for by its new name.
  h5dcp::Value lookup_object(const h5dcp::MetadataIndex& index) override {
    auto own = index;
    if (const auto renamed = own_names_.find(index.fqn); renamed != own_names_.end()) {
      own.fqn = renamed->second;
    }
    return DefaultSavePlanner::lookup_object(own);
  }

 private:
  std::unordered_map<std::string, std::string> own_names_;  // by the new ones
};

}  // namespace

void rename_keys(int rank, int ranks) {
  Rows w(3, rank, ranks);
  h5dcp::StateDict state{{"module", h5dcp::Map{{"w", w.tensor}, {"layers", 2}}}, {"step", 7}};
  WithoutModule planner;
  h5dcp::save(state, {.checkpoint_id = "renamed.h5", .planner = &planner});

  Rows loaded(0, rank, ranks);
  h5dcp::StateDict other{{"w", loaded.tensor}, {"layers", 0}, {"step", 0}};
  h5dcp::load(other, {.checkpoint_id = "renamed.h5"});
  check(loaded.all(3), "w");
  check(other.at("layers") == h5dcp::Value(2) && other.at("step") == h5dcp::Value(7), "a value");
  const auto stored = h5dcp::read_metadata({.checkpoint_id = "renamed.h5"});
  check(stored.state_dict_metadata.size() == 3, "more than was loaded is there");
}

}  // namespace example
