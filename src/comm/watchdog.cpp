#include "comm/watchdog.hpp"

#include <mpi.h>

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>

#include "base/rank_list.hpp"
#include "comm/log.hpp"
#include "comm/roll_call.hpp"
#include "comm/verdict.hpp"

namespace h5dcp {
namespace {

bool threads_may_call_mpi() {
  int level = MPI_THREAD_SINGLE;
  check(MPI_Query_thread(&level), "MPI_Query_thread");
  return level == MPI_THREAD_MULTIPLE;
}

}  // namespace

Watchdog::Watchdog(const Comm& comm, std::string step, std::string file)
    : channel_(*comm.channel_),
      comm_(comm),
      step_(std::move(step)),
      file_(std::move(file)),
      may_ask_(threads_may_call_mpi()),
      thread_(start()) {}

std::thread Watchdog::start() {
  try {
    return std::thread([this] { look_after(); });
  } catch (const std::system_error& error) {
    throw Error(ErrorCode::io,
                "start a thread that watches collective calls on '" + file_ +
                    "': " + error.code().message() +
                    "; raise the limit of processes (ulimit -u) or of the container");
  }
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  stop_.notify_one();
  thread_.join();
}

void Watchdog::watch(const std::function<std::string()>& name, const std::function<void()>& call) {
  begin(name);
  try {
    call();
  } catch (...) {
    end();
    throw;
  }
  end();
}

void Watchdog::begin(const std::function<std::string()>& name) {
  const std::lock_guard lock(mutex_);
  name_ = &name;
  since_ = Clock::now();
}

// Waits until the thread has said what it has to say.
void Watchdog::end() {
  const std::lock_guard lock(mutex_);
  name_ = nullptr;
  if (!barked_ || channel_.broken) return;
  if (verdict_) {
    channel_.broken = std::make_exception_ptr(*verdict_);
  } else {
    channel_.overdue = true;
  }
}

void Watchdog::look_after() {
  // It looks now and then, so that the calls that it watches need not wake it. In between a rank
  // does not answer the roll call: the pause is short beside the time that others listen.
  using std::chrono::milliseconds;
  const auto pause =
      std::clamp<Clock::duration>(comm_.deadline() / 8, milliseconds(1), milliseconds(200));
  std::unique_lock lock(mutex_);
  for (auto last = Clock::now(); !barked_; last = Clock::now()) {
    if (stop_.wait_for(lock, pause, [this] { return stopped_; })) return;
    if (name_ == nullptr) continue;
    try {
      const auto now = Clock::now();
      const bool called = may_ask_ && roll_is_called(channel_);
      if (!called && now - since_ < comm_.deadline()) continue;
      barked_ = true;
      // Overslept: this process was stopped, and what the others wanted to know is decided.
      bark(called && now - last >= 2 * listening(comm_.deadline()));
    } catch (...) {
      barked_ = true;  // nobody can take it; what is left to do is that the next step fails
    }
  }
}

void Watchdog::bark(bool late) {
  Hang hang{.step = step_,
            .call = (*name_)(),
            .file = file_,
            .rank = channel_.rank,
            .missing = {},
            .text = {}};
  std::string found = step_ + ": not done" + within(comm_.deadline()) +
                      ", and without MPI_THREAD_MULTIPLE the other ranks cannot be asked";
  if (may_ask_) {
    verdict_ = roll_call(channel_, step_, comm_.deadline(), late);
    hang.missing = verdict_->failed_ranks();
    found = verdict_->what();
  }
  hang.text = found + "; " + rank_list({hang.rank}, channel_.size) + " is inside " + hang.call +
              ", file '" + hang.file + "'";
  if (const auto& on_hang = comm_.options_.on_hang) {
    on_hang(hang);
  } else {
    log(comm_, LogLevel::error, hang.step, hang.text);
  }
}

}  // namespace h5dcp
