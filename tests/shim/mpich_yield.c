// For test runs with MPICH over UCX (as Debian builds it) on fewer cores than ranks: a rank that waits
// polls UCX without ever giving its core away, and a call of MPI-IO takes time slices of the scheduler.
// With this in LD_PRELOAD a poll that found nothing yields.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sched.h>

unsigned ucp_worker_progress(void* worker) {
  static unsigned (*progress)(void*);
  if (!progress) progress = (unsigned (*)(void*))dlsym(RTLD_NEXT, "ucp_worker_progress");
  const unsigned events = progress(worker);
  if (events == 0) sched_yield();
  return events;
}
