#include "negotiate/save_negotiation.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <string>

#include "base/checksum.hpp"
#include "base/context.hpp"
#include "base/wire.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "negotiate/plan_wire.hpp"
#include "plan/merge.hpp"
#include "plan/proposals.hpp"

namespace h5dcp {
namespace {

// Throws Error{invalid_argument} if `writes` are not pieces of what the ranks hold that can make up
// the whole: their boxes' elements are counted, not compared.
void check_answer(const Proposals& proposals, const std::vector<PlannedWrite>& writes) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::invalid_argument,
                "save '" + proposals.fqn + "': the planner's plan_writes " + why);
  };
  const auto& first = proposals.holders.front();
  const bool value = first.type == WriteItemType::byte_io;
  std::int64_t elements = 0;
  for (const auto& write : writes) {
    if (write.holder >= proposals.holders.size()) {
      refuse("chose holder " + std::to_string(write.holder) + " of " +
             std::to_string(proposals.holders.size()));
    }
    if (value) continue;
    const Box& held = proposals.holders[write.holder].tensor.chunk;
    if (write.box.dims() != held.dims() || !contains(held, write.box)) {
      refuse("wants " + to_string(write.box) + " from a holder of " + to_string(held));
    }
    elements += numel(write.box.sizes);
  }
  const auto whole = value ? 0 : numel(first.tensor.size);
  if (value ? writes.size() != 1 : elements != whole) {
    refuse("chose " + std::to_string(value ? static_cast<std::int64_t>(writes.size()) : elements) +
           (value ? " writers, not 1" : " elements, not " + std::to_string(whole)));
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
  for (auto& write : writes) {
    const auto& holder = proposals.holders[write.holder];
    const bool value = holder.type == WriteItemType::byte_io;
    origins.push_back({.rank = holder.rank,
                       .item = holder.item,
                       .whole = value || write.box == holder.tensor.chunk,
                       .holders = value ? proposals.holders.size() : 0});
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
  // Where a name is proposed. Only the holders of one name are decoded at a time: that takes
  // several times the memory of a message.
  struct Mention {
    int rank;
    std::size_t position;
    std::span<const std::uint8_t> proposal;
  };
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
  for (const auto& [fqn, mentions] : by_fqn) {
    proposals.fqn = fqn;
    proposals.holders.clear();
    proposals.holders.reserve(mentions.size());
    for (const auto& mention : mentions) {
      WireReader wire(mention.proposal);
      auto proposal = decode_proposal(wire, mention.rank, mention.position);
      if (proposals.holders.empty()) proposals.path = decode_path(fqn, proposal.path);
      proposals.holders.push_back(std::move(proposal.holder));
    }
    auto entry = entry_of(proposals);
    auto writes = planner.plan_writes(proposals);
    check_answer(proposals, writes);
    add(std::move(entry), proposals, std::move(writes));
  }
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
    wire.varint(origin.item * 2 + (origin.whole ? 1 : 0));
    if (!origin.whole) wire.box(share()[answer.entry].chunks[answer.chunk]);
    if (origin.holders > 0) wire.varint(origin.holders);
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
      auto& item = plan_.items[sent_.at(before + head / 2).item];
      WriteSlice slice;
      if (head % 2 == 0) {
        slice.box = wire.box(item.tensor_data.value().size.size());
      } else if (item.tensor_data) {
        slice.box = item.tensor_data->chunk;
      } else {
        slice.holders = wire.varint();
      }
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
