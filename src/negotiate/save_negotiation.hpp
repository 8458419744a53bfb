// The one place where plans cross ranks when saving: docs/protocol.md.
//
// Every FQN has an owner, a rank that follows from its name. Each rank sends each owner the items
// of its FQNs; the owner decides who writes what; each rank learns which slices of its items it
// writes. For a planner that needs all plans, one rank, the coordinator, owns all names. All of
// this is functions of messages: how they travel is not in here, so that tests can run thousands of
// ranks in one process.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
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
  SaveNegotiation() = default;
  SaveNegotiation(const SaveNegotiation&) = delete;
  SaveNegotiation& operator=(const SaveNegotiation&) = delete;
  virtual ~SaveNegotiation() = default;

  // 1. What to send to the owners. Throws Error{invalid_argument} if an item is not complete.
  virtual std::vector<Message> proposals() = 0;

  // 2. As owner: decides, for each FQN of which something came. Throws what the planner throws,
  // Error{invalid_argument} if what that returned is no answer.
  virtual void merge(const std::vector<Message>& received, SavePlanner& planner) = 0;

  // 3. As owner: what will be written, ordered by FQN.
  const std::vector<PlannedEntry>& share() const { return share_; }

  // 4. As owner: what to send back, once the storage has said where things go: places[i][c] for
  // chunk c of share()[i]. Throws Error{internal} if the storage did not.
  virtual std::vector<Message> answers(
      const std::vector<std::vector<StorageData>>& places) const = 0;

  // 5. The plan with this rank's slices.
  virtual SavePlan apply(const std::vector<Message>& received) = 0;

 protected:
  // Where a chunk of the share came from.
  struct Origin {
    int rank = 0;
    std::uint64_t item = 0;     // its position in that rank's message
    bool whole = false;         // all of the item
    std::uint64_t holders = 1;  // as WriteSlice
  };

  // How many FQNs will be added.
  void expect(std::size_t fqns);

  // Adds what is written under one FQN to the share; FQNs ascend.
  void add(PlannedEntry entry, const Proposals& proposals, std::vector<PlannedWrite> writes);

  const std::vector<std::vector<Origin>>& origins() const { return origins_; }

 private:
  std::vector<PlannedEntry> share_;
  std::vector<std::vector<Origin>> origins_;  // of each chunk of each entry of the share
};

// Every rank owns some names, and sees of them what matters.
class OwnerNegotiation : public SaveNegotiation {
 public:
  // `plan` is what the rank proposes; `size` the number of ranks.
  OwnerNegotiation(SavePlan plan, int size) : plan_(std::move(plan)), size_(size) {}

  std::vector<Message> proposals() override;
  void merge(const std::vector<Message>& received, SavePlanner& planner) override;
  std::vector<Message> answers(const std::vector<std::vector<StorageData>>& places) const override;
  SavePlan apply(const std::vector<Message>& received) override;

 private:
  // An item, and who owns its name.
  struct Sent {
    int rank;
    std::size_t item;
  };

  SavePlan plan_;
  int size_;
  std::vector<Sent> sent_;  // by owner, each one's in the order of its message
};

// The coordinator owns all names, and sees whole plans.
class CoordinatorNegotiation : public SaveNegotiation {
 public:
  CoordinatorNegotiation(SavePlan plan, int size, int coordinator)
      : plan_(std::move(plan)), size_(size), coordinator_(coordinator) {}

  std::vector<Message> proposals() override;
  void merge(const std::vector<Message>& received, SavePlanner& planner) override;
  std::vector<Message> answers(const std::vector<std::vector<StorageData>>& places) const override;
  SavePlan apply(const std::vector<Message>& received) override;

 private:
  SavePlan plan_;
  int size_;
  int coordinator_;
  std::vector<SavePlan> plans_;  // on the coordinator: what each rank writes
};

// That which `planner` needs.
std::unique_ptr<SaveNegotiation> make_negotiation(const SavePlanner& planner, SavePlan plan,
                                                  int size, int coordinator);

}  // namespace h5dcp
