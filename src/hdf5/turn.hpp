// HDF5's library is for one thread at a time: this is which of ours.

#pragma once

#include <hdf5.h>

#include <mutex>

namespace h5dcp::hdf5 {

// The right of this thread to call HDF5. It waits for the thread that has it; the thread that has
// it may take it again.
//
// Whoever has it does not wait for other ranks, unless it has the CollectiveTurn as well.
//
// While it lives, HDF5 prints no errors of its own: fail() makes exceptions of them. The
// application's setting comes back afterwards.
class Turn {
 public:
  Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn();

 private:
  std::unique_lock<std::recursive_mutex> lock_;
  H5E_auto2_t handler_ = nullptr;
  void* data_ = nullptr;
};

// The right of this thread to make collective calls of HDF5, which it needs beside its Turn. It
// does not wait for another thread that has it: on two ranks, threads could have theirs in another
// order, and each would wait for what the other one does not let begin.
class CollectiveTurn {
 public:
  CollectiveTurn();
  CollectiveTurn(const CollectiveTurn&) = delete;
  CollectiveTurn& operator=(const CollectiveTurn&) = delete;
  ~CollectiveTurn();

  bool has_begun() const { return has_begun_; }  // else another thread has it

 private:
  bool has_begun_;
};

}  // namespace h5dcp::hdf5
