// A state dict as it is saved or loaded: with the state of each Stateful in its place, and to be
// loaded sorted.

#pragma once

#include <exception>
#include <utility>
#include <vector>

#include "h5dcp/flatten.hpp"
#include "h5dcp/state_dict.hpp"
#include "h5dcp/stateful.hpp"

namespace h5dcp {

// Calls the methods of the Statefuls. These may communicate, so they run outside of Comm::agree:
// what one of them throws is kept, for check() to throw where all ranks hear of it.
class ExpandedState {
 public:
  // Of the keys at the top, and those by which a Stateful is found. The last: sorted only if there
  // is a Stateful, as all ranks must ask theirs in the same order.
  enum class Order { as_set, sorted, sorted_statefuls };

  // Asks each Stateful in `state_dict`, which must outlive this, for its state.
  ExpandedState(StateDict& state_dict, Order order);
  ExpandedState(const ExpandedState&) = delete;
  ExpandedState& operator=(const ExpandedState&) = delete;
  ~ExpandedState();

  // What to save, or load into. It is the caller's own unless there is a Stateful in that, or its
  // keys are to be sorted and are not: then the caller's values have been moved here, until
  // restore() or the end.
  StateDict& get() { return expanded_.empty() ? own_ : expanded_; }

  // After a load: gives each Stateful what was loaded, and the caller's state dict all else, in its
  // own order.
  void restore();

  // Throws what a Stateful has thrown.
  void check() const;

 private:
  void expand(Value& value, Path& path);
  void expand(Map& map, Path& path);
  void borrow();
  std::vector<Map::Entry>::iterator give_back() noexcept;

  StateDict& own_;
  Order order_;
  StateDict expanded_;
  std::vector<Map::Entry*> lenders_;  // of the values in expanded_ that were moved there
  std::vector<std::pair<Path, Stateful*>> stateful_;  // one that is in another one comes before it
  std::exception_ptr thrown_;
};

}  // namespace h5dcp
