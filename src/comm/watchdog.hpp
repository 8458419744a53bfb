// Tells of calls of HDF5 and MPI-IO that wait for other ranks for too long: no deadline of ours
// reaches into them.

#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "comm/channel.hpp"
#include "comm/wait.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {

// A thread that lives as long as this object and mostly sleeps. When the deadline of the Comm
// passes while a call is watched, or the roll is called meanwhile, it takes part in the roll call
// if MPI lets threads do that, and calls on_hang. That breaks the Comm, so it happens once.
//
// Every rank makes one for itself, inside an agreement: a rank that could not, and left the others
// in the calls that it should watch, would keep them there. All watch the same calls.
class Watchdog {
 public:
  // What the calls are part of, and the file they are made on. Throws Error{io} if no thread can be
  // started.
  Watchdog(const Comm& comm, std::string step, std::string file);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

  // Runs `call`, which waits for other ranks. `name()` says what it is, perhaps on the thread of
  // the watchdog, and only before this returns.
  void watch(const std::function<std::string()>& name, const std::function<void()>& call);

  // Whether the other ranks may not come any more.
  bool comm_is_broken() const { return channel_.broken || channel_.overdue; }

 private:
  std::thread start();
  void begin(const std::function<std::string()>& name);
  void end();
  void look_after();
  void bark(bool late);

  Channel& channel_;
  const Comm comm_;
  const std::string step_;
  const std::string file_;
  bool may_ask_ = false;

  std::mutex mutex_;  // held by the thread whenever it does not sleep: no call ends meanwhile
  std::condition_variable stop_;
  bool stopped_ = false;
  bool barked_ = false;
  const std::function<std::string()>* name_ = nullptr;  // of the call that is watched now
  Clock::time_point since_;
  std::optional<CheckpointException> verdict_;  // of the roll call

  std::thread thread_;  // the last member: it uses all others
};

}  // namespace h5dcp
