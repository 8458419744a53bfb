// SIGUSR1 asks a run to stop: batch systems send it some time before they take the nodes away.

#pragma once

namespace trainer {

inline constexpr int kStopped = 75;  // the exit status: EX_TEMPFAIL, "try again later"

// From now on SIGUSR1 only sets a flag.
void catch_stop_signal();

// Whether this process has got the signal. Ranks get it at different times, or only some do.
bool stop_signal_came();

}  // namespace trainer
