// Objects that give and take their state themselves.

#pragma once

#include "h5dcp/state_dict.hpp"

namespace h5dcp {

// Put a pointer to one into a state dict: save() saves what state_dict() returns, under the key of
// the pointer; load() fills that in place and then passes it to load_state_dict(). The object is
// the caller's and outlives the call.
//
// DCP looks for them at the top of a state dict only; here they may be anywhere in it, and in what
// another one returns.
//
// Both methods may communicate: all ranks that save or load together call them in the order of
// their state dicts' keys - as they were set when saving, sorted when loading, those inside of
// another one before its load_state_dict(). What they throw on one rank is thrown on all.
class Stateful {
 public:
  Stateful() = default;
  Stateful(const Stateful&) = default;
  Stateful& operator=(const Stateful&) = default;
  virtual ~Stateful() = default;

  // When loading, its tensors are filled in place and its other leaves replaced.
  virtual StateDict state_dict() = 0;

  // `state_dict` is what state_dict() returned, with what was loaded in it.
  virtual void load_state_dict(const StateDict& state_dict) = 0;
};

}  // namespace h5dcp
