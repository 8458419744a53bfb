// Writing what the ranks of several nodes have in ranges so short that they lie in the same blocks
// of the file: each slot of it by one rank, to which the others send what they have of it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "files/posix_file.hpp"
#include "transfer/engine.hpp"
#include "transfer/ordered_walk.hpp"

namespace h5dcp {

// Longer ranges of a node are not worth it, whatever the blocks of the file are.
inline constexpr std::uint64_t kLongestExchanged = std::uint64_t{256} << 10;

// Collective. Of pieces[i] for all i in `order`, none of which begins before the one ahead of it
// ends; `data(i)` is good until the next call, `describe(i)` is for errors. What one rank throws
// is the same CheckpointException on all.
//
// All ranks move through the file together, in rounds of a slot of 1 MiB for each rank, but not
// more than `most_slots`: what a rank sends in a round may be all of them. Each takes a tally,
// which says how the one before has ended and where this one begins, and an exchange; and in the
// end there is another tally.
void write_exchanged(const Comm& comm, const std::string& step, const PosixFile& file,
                     const std::vector<Piece>& pieces, const std::vector<std::size_t>& order,
                     const Engine::Describe& describe, const OrderedWalk::Data& data,
                     std::uint64_t most_slots = 64);

}  // namespace h5dcp
