#include "stop_signal.hpp"

#include <atomic>
#include <csignal>

namespace trainer {
namespace {

std::atomic<bool> came = false;  // any thread may handle the signal
static_assert(decltype(came)::is_always_lock_free);

}  // namespace

void catch_stop_signal() {
  struct sigaction action = {};
  action.sa_handler = [](int) { came = true; };
  action.sa_flags = SA_RESTART;  // no call of MPI or of a save is to fail because of it
  sigaction(SIGUSR1, &action, nullptr);
}

bool stop_signal_came() {
  return came;
}

}  // namespace trainer
