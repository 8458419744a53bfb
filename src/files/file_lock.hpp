// The lock by which a job that is saving shows that it is alive.

#pragma once

#include <cstdint>

#include "files/posix_file.hpp"

namespace h5dcp {

enum class LockState : std::uint8_t {
  ours,         // this descriptor has the lock, until it is closed
  of_another,   // another descriptor has it, in this process or in another one, on any node
  unsupported,  // the file system has no locks: whether another process is alive is unknown
};

// Tries to lock `file`, which is open for writing, and doesn't wait. The lock belongs to the open
// descriptor (F_OFD_SETLK): it ends when the last copy of that is closed, also by a kill.
LockState try_lock(const PosixFile& file) noexcept;

}  // namespace h5dcp
