// A call of MPI that is not complete yet, and the memory that it reads or writes until then.

#pragma once

#include <mpi.h>

#include <memory>
#include <utility>

#include "comm/wait.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {

// Owns both, so that the memory cannot go while MPI may still touch it: that of a call that is not
// complete when this object ends is leaked, as MPI can neither cancel nor free most calls.
template <class Memory>
class Pending {
 public:
  // Begins the call by `start(memory, request)`, which may throw.
  template <class Start>
  Pending(Memory memory, const Start& start) {
    auto* const where = std::make_unique<Memory>(std::move(memory)).release();
    start(*where, request_);  // leaks it by throwing: MPI may have begun
    memory_.reset(where);
  }
  Pending(Pending&& other) noexcept
      : memory_(std::move(other.memory_)),
        request_(std::exchange(other.request_, MPI_REQUEST_NULL)) {}
  Pending& operator=(Pending&&) = delete;
  ~Pending() {
    if (request_ != MPI_REQUEST_NULL) static_cast<void>(memory_.release());
  }

  // Whether the call is complete. Does not wait. `status` is set the first time that it is.
  bool done(MPI_Status* status = MPI_STATUS_IGNORE) {
    int flag = 0;
    check(MPI_Test(&request_, &flag, status), "MPI_Test");
    return flag != 0;
  }

  // Asks MPI to give the call up, which some can: it will be done all the same.
  void cancel() { check(MPI_Cancel(&request_), "MPI_Cancel"); }

  // The memory of a call that is done. Throws Error{internal} if it is not.
  Memory take() {
    if (request_ == MPI_REQUEST_NULL) return std::move(*memory_);
    throw Error(ErrorCode::internal, "the memory of a call of MPI that is not complete");
  }

 private:
  std::unique_ptr<Memory> memory_;
  MPI_Request request_ = MPI_REQUEST_NULL;
};

}  // namespace h5dcp
