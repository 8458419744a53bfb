// MPI's profiling interface between the library and MPI: receives that complete late, which the
// standard allows, and messages that get lost, which it does not.

#pragma once

namespace h5dcp::test {

// From now on MPI_Test says of each receive that MPI_Imrecv begins that it is not complete, as long
// as the barrier that ends the exchange is not, but no more than `polls` times. 0: MPI as it is.
void make_receives_late(int polls);

// Loses the message number `n`, from 0 on, that MPI_Improbe finds from now on; -1: none.
void lose_message(int n);

// Whether the message of the last lose_message() was lost.
bool message_was_lost();

}  // namespace h5dcp::test
