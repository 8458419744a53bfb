#include "negotiate/save_negotiation.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "base/box_order.hpp"
#include "base/checksum.hpp"
#include "base/context.hpp"
#include "base/wire.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "negotiate/plan_wire.hpp"
#include "plan/merge.hpp"
#include "plan/misfits.hpp"
#include "plan/proposals.hpp"
#include "plan/tile.hpp"

namespace h5dcp {
namespace {

Error refusal(const std::string& fqn, const std::string& why) {
  return {ErrorCode::invalid_argument, "save '" + fqn + "': the planner's plan_writes " + why};
}

// Whether both holders would have the same entry in the file.
bool is_laid_out_alike(const Proposals::Holder& a, const Proposals::Holder& b) {
  if ((a.type == WriteItemType::byte_io) != (b.type == WriteItemType::byte_io)) return false;
  return a.tensor.size == b.tensor.size && a.tensor.properties == b.tensor.properties &&
         a.bytes.kind == b.bytes.kind && a.bytes.dtype == b.bytes.dtype &&
         a.bytes.size == b.bytes.size && a.bytes.nbytes == b.bytes.nbytes;
}

// Throws if the holder chosen by `write` does not hold what is to be written.
void check_write(const Proposals& proposals, const PlannedWrite& write) {
  const auto& holders = proposals.holders;
  if (write.holder >= holders.size()) {
    throw refusal(proposals.fqn, "chose holder " + std::to_string(write.holder) + " of " +
                                     std::to_string(holders.size()));
  }
  const auto& holder = holders[write.holder];
  if (!is_laid_out_alike(holder, holders.front())) {
    throw refusal(proposals.fqn, "chose what rank " + std::to_string(holder.rank) +
                                     " holds, which has another kind, dtype, size or length than "
                                     "what rank " +
                                     std::to_string(holders.front().rank) + " holds");
  }
  const Box& held = holder.tensor.chunk;
  if (holder.type != WriteItemType::byte_io &&
      (write.box.dims() != held.dims() || !contains(held, write.box))) {
    throw refusal(proposals.fqn,
                  "wants " + to_string(write.box) + " from a holder of " + to_string(held));
  }
}

// Throws if the boxes of `writes` do not tile the tensor.
void check_tiling(const Proposals& proposals, const std::vector<PlannedWrite>& writes) {
  const auto& size = proposals.holders.front().tensor.size;
  std::vector<Box> boxes;
  boxes.reserve(writes.size());
  for (const auto& write : writes) boxes.push_back(write.box);
  const auto fault = find_tiling_fault(size, boxes);
  if (!fault) return;
  const auto chosen = [&](std::size_t i) {
    return to_string(boxes[i]) + " by rank " +
           std::to_string(proposals.holders[writes[i].holder].rank);
  };
  const auto refuse = [&](const std::string& why) { throw refusal(proposals.fqn, why); };
  if (const auto* hole = std::get_if<Hole>(&*fault)) {
    refuse("lets nobody write " + to_string(hole->box) + " of " + to_string(size));
  }
  if (const auto* overlap = std::get_if<Overlap>(&*fault)) {
    refuse("has " + chosen(overlap->first) + " and " + chosen(overlap->second) +
           " written, which overlap");
  }
  refuse("has " + chosen(std::get<OutOfBounds>(*fault).box) + " written, which is not inside " +
         to_string(size));
}

// Throws Error{invalid_argument} if `writes` are not the whole, each part of it once and by a rank
// that holds it.
void check_answer(const Proposals& proposals, const std::vector<PlannedWrite>& writes) {
  for (const auto& write : writes) check_write(proposals, write);
  if (proposals.holders.front().type != WriteItemType::byte_io) {
    check_tiling(proposals, writes);
  } else if (writes.size() != 1) {
    throw refusal(proposals.fqn, "chose " + std::to_string(writes.size()) + " writers, not 1");
  }
}

// Throws Error{invalid_argument} if it is more than 63 bits can count.
PlannedEntry entry_of(const Proposals& proposals) {
  const auto& first = proposals.holders.front();
  PlannedEntry entry;
  entry.fqn = proposals.fqn;
  entry.path = proposals.path;
  if (first.type == WriteItemType::byte_io) {
    entry.kind = first.bytes.kind;
    entry.dtype = first.bytes.dtype;
    entry.size = first.bytes.size;
    entry.nbytes = first.bytes.nbytes;
  } else {
    entry.dtype = first.tensor.properties.dtype;
    entry.size = first.tensor.size;
  }
  constexpr auto kMostValueBytes = std::uint64_t{1} << 61;  // its slot may be larger
  with_context("save '" + entry.fqn + "'", [&] { return nbytes(entry.dtype, entry.size); });
  if (entry.nbytes > kMostValueBytes) {
    throw Error(ErrorCode::invalid_argument,
                "save '" + entry.fqn + "': a value of " + std::to_string(entry.nbytes) + " bytes");
  }
  return entry;
}

// How many ranks hold what a slice is written of, if nothing is said in its answer: most boxes have
// one holder, and of a box in slices one slice says it.
std::uint64_t usual_holders(bool whole) {
  return whole ? 1 : 0;
}

// How many items there are of each value or box under one name.
class HolderCounts {
 public:
  explicit HolderCounts(const Proposals& proposals) : proposals_(proposals) {}

  // Of what `holder` holds, the first time that it is asked for any holder of the same; then 0.
  std::uint64_t take(std::size_t holder) {
    const auto& holders = proposals_.holders;
    if (holders.size() == 1) return std::exchange(single_, 0);
    if (left_.empty()) count();
    return std::exchange(left_[first_of_[holder]], 0);
  }

 private:
  void count() {
    const auto& holders = proposals_.holders;
    left_.resize(holders.size());
    first_of_.resize(holders.size());
    std::vector<std::size_t> order(holders.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto precedes = [&](std::size_t a, std::size_t b) {  // no value has a chunk
      return precedes_box(holders[a].tensor.chunk, holders[b].tensor.chunk);
    };
    if (!std::ranges::is_sorted(order, precedes)) std::ranges::sort(order, precedes);
    for (std::size_t i = 0; i < order.size(); ++i) {
      const bool is_new = i == 0 || precedes(order[i - 1], order[i]);
      first_of_[order[i]] = is_new ? order[i] : first_of_[order[i - 1]];
      ++left_[first_of_[order[i]]];
    }
  }

  const Proposals& proposals_;
  std::uint64_t single_ = 1;           // if there is one holder
  std::vector<std::size_t> first_of_;  // of each holder: one that stands for all that hold the same
  std::vector<std::uint64_t> left_;    // of those: the count, until it is taken
};

// A message to each rank that there is something for: what `encode` writes of `things`, which
// ascend by rank.
template <class Thing, class Encode>
std::vector<Message> messages_of(const std::vector<Thing>& things, const Encode& encode) {
  std::size_t receivers = 0;
  for (std::size_t i = 0; i < things.size(); ++i) {
    if (i == 0 || things[i].rank != things[i - 1].rank) ++receivers;
  }
  std::vector<Message> messages;
  messages.reserve(receivers);
  WireWriter wire;
  for (auto thing = things.begin(); thing != things.end();) {
    const int rank = thing->rank;
    for (; thing != things.end() && thing->rank == rank; ++thing) encode(wire, *thing);
    messages.push_back({rank, wire.take_copy()});
  }
  return messages;
}

// Where a name is proposed.
struct Mention {
  int rank;
  std::size_t position;
  std::span<const std::uint8_t> proposal;
};

// Makes `proposals` those of `fqn`, which are at `mentions`.
//
// Throws Error{invalid_argument} if ranks give the name different paths.
void gather(std::string_view fqn, const std::vector<Mention>& mentions, Proposals& proposals) {
  proposals.fqn = fqn;
  proposals.holders.clear();
  proposals.holders.reserve(mentions.size());
  std::string_view path;  // as the lowest rank encoded it
  for (const auto& mention : mentions) {
    WireReader wire(mention.proposal);
    auto proposal = decode_proposal(wire, mention.rank, mention.position);
    if (proposals.holders.empty()) {
      path = proposal.path;
      proposals.path = decode_path(fqn, path);
    } else if (proposal.path != path) {
      refuse_paths(proposals.fqn, mentions.front().rank, proposals.path, mention.rank,
                   decode_path(fqn, proposal.path));
    }
    proposals.holders.push_back(std::move(proposal.holder));
  }
}

// Throws Error{internal} if the storage has not said where the chunks of the entry go.
void check_places(const std::vector<std::vector<StorageData>>& places, std::size_t i,
                  const PlannedEntry& entry) {
  if (i < places.size() && places[i].size() == entry.chunks.size()) return;
  throw Error(ErrorCode::internal, "save '" + entry.fqn + "': the storage has not said where " +
                                       std::to_string(entry.chunks.size()) + " chunks go");
}

}  // namespace

int owner_of(std::string_view fqn, int size) {
  return static_cast<int>(xxh3(fqn.data(), fqn.size()) % static_cast<std::uint64_t>(size));
}

std::unique_ptr<SaveNegotiation> make_negotiation(const SavePlanner& planner, SavePlan plan,
                                                  int size, int coordinator) {
  if (planner.needs_all_plans()) {
    return std::make_unique<CoordinatorNegotiation>(std::move(plan), size, coordinator);
  }
  return std::make_unique<OwnerNegotiation>(std::move(plan), size);
}

void SaveNegotiation::expect(std::size_t fqns) {
  share_.reserve(fqns);
  origins_.reserve(fqns);
}

void SaveNegotiation::add(PlannedEntry entry, const Proposals& proposals,
                          std::vector<PlannedWrite> writes) {
  // So are their rows in the index, in which readers look for the boxes that they want.
  const auto precedes = [](const PlannedWrite& a, const PlannedWrite& b) {
    return std::ranges::lexicographical_compare(a.box.offsets, b.box.offsets);
  };
  if (!std::ranges::is_sorted(writes, precedes)) std::ranges::stable_sort(writes, precedes);
  auto& origins = origins_.emplace_back();
  origins.reserve(writes.size());
  entry.writers.reserve(writes.size());
  entry.chunks.reserve(writes.size());
  HolderCounts counts(proposals);
  for (auto& write : writes) {
    const auto& holder = proposals.holders[write.holder];
    const bool value = holder.type == WriteItemType::byte_io;
    origins.push_back({.rank = holder.rank,
                       .item = holder.item,
                       .whole = value || write.box == holder.tensor.chunk,
                       .holders = counts.take(write.holder)});
    entry.writers.push_back(holder.rank);
    entry.chunks.push_back(std::move(write.box));
  }
  share_.push_back(std::move(entry));
}

std::vector<Message> OwnerNegotiation::proposals() {
  WireWriter wire;
  std::vector<std::size_t> ends{0};  // of each item's proposal in `wire`
  sent_.clear();
  sent_.reserve(plan_.items.size());
  for (std::size_t i = 0; i < plan_.items.size(); ++i) {
    const auto& item = plan_.items[i];
    sent_.push_back({owner_of(item.index.fqn, size_), i});
    encode_proposal(wire, item);
    ends.push_back(wire.size());
  }
  const Bytes encoded = wire.take();
  std::ranges::stable_sort(sent_, {}, &Sent::rank);
  return messages_of(sent_, [&](WireWriter& message, const Sent& sent) {
    const auto first = ends[sent.item];
    message.bytes(std::span(encoded).subspan(first, ends[sent.item + 1] - first));
  });
}

void OwnerNegotiation::merge(const std::vector<Message>& received, SavePlanner& planner) {
  std::map<std::string_view, std::vector<Mention>> by_fqn;
  for (const auto& message : received) {  // ordered by rank, so the holders will be as well
    WireReader wire(message.bytes);
    for (std::size_t position = 0; !wire.at_end(); ++position) {
      const auto proposal = wire.bytes_view();
      by_fqn[proposed_fqn(proposal)].push_back({message.rank, position, proposal});
    }
  }
  expect(by_fqn.size());
  Proposals proposals;
  Misfits misfits;
  // The holders of one name are decoded at a time: that takes several times the memory of a
  // message.
  for (const auto& named : by_fqn) {
    misfits.attempt([&] {
      gather(named.first, named.second, proposals);
      auto entry = entry_of(proposals);
      auto writes = planner.plan_writes(proposals);
      check_answer(proposals, writes);
      add(std::move(entry), proposals, std::move(writes));
    });
  }
  misfits.rethrow("save", "keys do not fit together");
}

std::vector<Message> OwnerNegotiation::answers(
    const std::vector<std::vector<StorageData>>& places) const {
  struct Answer {
    int rank;
    std::size_t entry;
    std::size_t chunk;
  };
  std::size_t chunks = 0;
  for (const auto& entry : share()) chunks += entry.chunks.size();
  std::vector<Answer> answers;
  answers.reserve(chunks);
  for (std::size_t i = 0; i < share().size(); ++i) {
    check_places(places, i, share()[i]);
    for (std::size_t c = 0; c < places[i].size(); ++c) {
      answers.push_back({origins()[i][c].rank, i, c});
    }
  }
  std::ranges::stable_sort(answers, {}, &Answer::rank);
  return messages_of(answers, [&](WireWriter& wire, const Answer& answer) {
    const auto& origin = origins()[answer.entry][answer.chunk];
    const bool counted = origin.holders != usual_holders(origin.whole);
    wire.varint(origin.item * 4 + (counted ? 2 : 0) + (origin.whole ? 1 : 0));
    if (!origin.whole) wire.box(share()[answer.entry].chunks[answer.chunk]);
    if (counted) wire.varint(origin.holders);
    wire.bytes(places[answer.entry][answer.chunk]);
  });
}

SavePlan OwnerNegotiation::apply(const std::vector<Message>& received) {
  for (const auto& message : received) {
    const auto first = std::ranges::lower_bound(sent_, message.rank, {}, &Sent::rank);
    const auto before = static_cast<std::size_t>(first - sent_.begin());
    WireReader wire(message.bytes);
    while (!wire.at_end()) {
      const auto head = wire.varint();
      const bool whole = head % 2 == 1;
      const bool counted = head / 2 % 2 == 1;
      auto& item = plan_.items[sent_.at(before + head / 4).item];
      WriteSlice slice;
      if (!whole) {
        slice.box = wire.box(item.tensor_data.value().size.size());
      } else if (item.tensor_data) {
        slice.box = item.tensor_data->chunk;
      }
      slice.holders = counted ? wire.varint() : usual_holders(whole);
      slice.storage_data = wire.bytes();
      item.slices.push_back(std::move(slice));
    }
  }
  return std::move(plan_);
}

std::vector<Message> CoordinatorNegotiation::proposals() {
  return {{coordinator_, encode_plan(plan_)}};
}

void CoordinatorNegotiation::merge(const std::vector<Message>& received, SavePlanner& planner) {
  if (received.empty()) return;  // another rank is the coordinator
  if (received.size() != static_cast<std::size_t>(size_)) {
    throw Error(ErrorCode::internal, "plans of " + std::to_string(received.size()) + " ranks of " +
                                         std::to_string(size_) + " have arrived");
  }
  std::vector<SavePlan> plans;
  plans.reserve(received.size());
  for (const auto& message : received) plans.push_back(decode_plan<SavePlan>(message.bytes));
  plans_ = planner.create_global_plan(std::move(plans)).plans;
  if (plans_.size() != static_cast<std::size_t>(size_)) {
    throw Error(ErrorCode::internal, "the planner's create_global_plan made " +
                                         std::to_string(plans_.size()) + " plans for " +
                                         std::to_string(size_) + " ranks");
  }
  for (auto& plan : plans_) {
    for (auto& item : plan.items) item.slices.clear();
  }
  for (const auto& [fqn, proposals] : proposals_of(plans_)) {
    auto entry = entry_of(proposals);
    add(std::move(entry), proposals, h5dcp::merge(proposals, Replicas::lowest_rank));
  }
}

std::vector<Message> CoordinatorNegotiation::answers(
    const std::vector<std::vector<StorageData>>& places) const {
  std::vector<SavePlan> plans = plans_;
  for (std::size_t i = 0; i < share().size(); ++i) {
    check_places(places, i, share()[i]);
    for (std::size_t c = 0; c < places[i].size(); ++c) {
      const auto& origin = origins()[i][c];
      auto& item = plans[static_cast<std::size_t>(origin.rank)].items[origin.item];
      item.slices.push_back({item.tensor_data ? share()[i].chunks[c] : Box{}, places[i][c]});
    }
  }
  std::vector<Message> messages;
  messages.reserve(plans.size());
  for (std::size_t rank = 0; rank < plans.size(); ++rank) {
    messages.push_back({static_cast<int>(rank), encode_plan(plans[rank])});
  }
  return messages;
}

SavePlan CoordinatorNegotiation::apply(const std::vector<Message>& received) {
  return decode_plan<SavePlan>(received.at(0).bytes);
}

}  // namespace h5dcp
