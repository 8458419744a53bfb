// Faults in what a process asks of its file system. A program that is linked with libh5dcp_shim, or
// has it in LD_PRELOAD, calls the C library's functions for files through it: its own calls, HDF5's
// and MPI-IO's. Calls that name a file in one folder, the folder itself, or a descriptor of either,
// are numbered from 0; the one with a chosen number fails.

#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum h5dcp_shim_fault {
  SHIM_NONE,   // the calls are only counted
  SHIM_KILL,   // every process of the session ends by SIGKILL; half of a write is done before. Only
               // with H5DCP_SHIM_SESSION set, by one who gave the launcher a session of its own
  SHIM_EIO,    // the call fails, and does nothing
  SHIM_ENOSPC,
  SHIM_EINTR,
  SHIM_SHORT,  // half is written or read; a call that moves less than 2 bytes is let through
};

// Which calls count.
enum h5dcp_shim_calls {
  SHIM_CHANGES,  // all but reads, and openings for reading
  SHIM_ALL,
};

// Begins to count, for this process. `folder` is an absolute path without links.
void h5dcp_shim_arm(const char* folder, enum h5dcp_shim_calls calls, enum h5dcp_shim_fault fault,
                    long number);

// Ends that. Returns how many calls were counted.
long h5dcp_shim_disarm(void);

// The call that failed since arming, as "pwrite /folder/file"; empty if none did.
const char* h5dcp_shim_hit(void);

// From here on no call counts (1), or they count again (0).
void h5dcp_shim_pause(int pause);

// From now on each call of the function of that name fails with this error: of those in the folder
// that was armed, and of memfd_create. "fsync of a folder" is one of its own, and "fcntl lock"; for
// "answer of rename" the rename is done before it fails. Several are separated by '|'. NULL ends that.
void h5dcp_shim_forbid(const char* function, int error);

// Once a call of that function, which changes names, has succeeded, every process of the session
// ends as with SHIM_KILL.
void h5dcp_shim_die_after(const char* function);

// Adds a line to the log of effects (effects.h), if there is one.
void h5dcp_shim_mark(const char* text);

// From now on the folder that was armed is as one on Lustre: a file gets the attribute "lustre.lov"
// when setxattr() gives it one, or else, of these bytes, when it is first opened; after that
// setxattr() changes nothing, and does not say so. NULL ends that.
void h5dcp_shim_lustre(const void* attribute, size_t size);

// Whether files get those bytes whatever setxattr() asks for (1), as where there are fewer targets.
void h5dcp_shim_lustre_is_stubborn(int stubborn);

// In how large blocks files in the folder that was armed are moved best (st_blksize); 0 ends that.
void h5dcp_shim_block_bytes(long nbytes);

#ifdef __cplusplus
}
#endif
