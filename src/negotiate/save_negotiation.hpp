// The one place where plans cross ranks when saving: docs/protocol.md.
//
// Every FQN has an owner, a rank that follows from its name. Each rank sends each owner the items
// of its FQNs; the owner decides who writes what; each rank learns which slices of its items it
// writes. All of this is functions of messages: how they travel is not in here, so that tests can
// run thousands of ranks in one process.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "h5dcp/comm.hpp"
#include "h5dcp/planner.hpp"

namespace h5dcp {

// The rank among `size` that owns an FQN.
int owner_of(std::string_view fqn, int size);

// One rank's part.
class SaveNegotiation {
 public:
  // `plan` is what the rank proposes; `size` the number of ranks.
  SaveNegotiation(SavePlan plan, int size);

  // 1. What to send to the owners. Throws Error{invalid_argument} if an item is not complete.
  std::vector<Message> proposals() const;

  // 2. As owner: decides, for each FQN of which something came. Throws what planner.plan_writes
  // throws, Error{invalid_argument} if what that returned is no answer.
  void merge(const std::vector<Message>& received, const SavePlanner& planner);

  // 3. As owner: what will be written, ordered by FQN.
  const std::vector<PlannedEntry>& share() const { return share_; }

  // 4. As owner: what to send back, once the storage has said where things go: places[i][c] for
  // chunk c of share()[i]. Throws Error{internal} if the storage did not.
  std::vector<Message> answers(const std::vector<std::vector<StorageData>>& places) const;

  // 5. The plan with this rank's slices.
  SavePlan apply(const std::vector<Message>& received);

 private:
  // Where a chunk of the share came from.
  struct Origin {
    int rank = 0;
    std::uint64_t item = 0;  // its position in that rank's message
    bool whole = false;      // all of the item
  };

  SavePlan plan_;
  int size_;
  std::vector<PlannedEntry> share_;
  std::vector<std::vector<Origin>> origins_;  // of each chunk of each entry of the share
};

}  // namespace h5dcp
