// Hints as MPI takes them.

#pragma once

#include <mpi.h>

#include <string>

#include "h5dcp/options.hpp"

namespace h5dcp {

// Why MPI, which ends the program over a hint that it cannot take, would not take one of them;
// empty if it would take all.
std::string fault_of(const Hints& hints);

// What a file is opened with; nothing to free if there are no hints.
class MpiInfo {
 public:
  MpiInfo() = default;
  // Those of the program, then those of one save or load. Throws Error{invalid_argument}.
  MpiInfo(const Hints& of_program, const Hints& of_operation);
  MpiInfo(MpiInfo&& other) noexcept;
  MpiInfo& operator=(MpiInfo&& other) noexcept;
  ~MpiInfo();

  MPI_Info get() const { return info_; }

 private:
  MPI_Info info_ = MPI_INFO_NULL;
};

}  // namespace h5dcp
