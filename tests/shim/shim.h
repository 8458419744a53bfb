// Faults in what a process asks of its file system. A program that is linked with libh5dcp_shim, or
// has it in LD_PRELOAD, calls the C library's functions for files through it: its own calls, HDF5's
// and MPI-IO's. Calls that name a file in one folder, the folder itself, or a descriptor of either,
// are numbered from 0; the one with a chosen number fails.

#pragma once

#ifdef __cplusplus
extern "C" {
#endif

enum h5dcp_shim_fault {
  SHIM_NONE,   // the calls are only counted
  SHIM_KILL,   // every process of the session ends by SIGKILL; half of a write is done before
  SHIM_EIO,    // the call fails, and does nothing
  SHIM_ENOSPC,
  SHIM_EINTR,
  SHIM_SHORT,  // half is written or read; a call that moves less than 2 bytes is let through
};

// Which calls count.
enum h5dcp_shim_calls {
  SHIM_CHANGES,  // all but reads, and openings for reading
  SHIM_READS,    // reads, and openings for reading
  SHIM_ALL,
};

// Begins to count, for this process. `folder` is an absolute path without links.
void h5dcp_shim_arm(const char* folder, enum h5dcp_shim_calls calls, enum h5dcp_shim_fault fault,
                    long number);

// Ends that. Returns how many calls were counted.
long h5dcp_shim_disarm(void);

// The call that failed since arming, as "pwrite /folder/file"; empty if none did.
const char* h5dcp_shim_hit(void);

// From now on the function of that name (any but open and its like) fails with this error wherever
// it is called for the folder given to h5dcp_shim_arm(); NULL ends that.
void h5dcp_shim_forbid(const char* function, int error);

#ifdef __cplusplus
}
#endif
