#include "negotiate/plan_digest.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "base/wire.hpp"
#include "negotiate/plan_wire.hpp"

namespace h5dcp {

Bytes layout_fields(const SavePlan& plan, const std::vector<std::uint64_t>& rooms,
                    const PlanContext& context) {
  WireWriter wire;
  wire.varint(static_cast<std::uint64_t>(context.rank));
  wire.varint(static_cast<std::uint64_t>(context.size));
  wire.varint(static_cast<std::uint64_t>(context.coordinator));
  wire.text(context.planner);
  wire.text(context.plans_by);
  wire.text(context.writer);
  wire.varint(context.nodes.size());
  for (const auto node : context.nodes) wire.varint(node);
  wire.bytes(plan.storage_data);
  for (std::size_t i = 0; i < plan.items.size(); ++i) {
    const auto& item = plan.items[i];
    const auto length = item.bytes_io_data ? item.bytes_io_data->nbytes : 0;
    encode_layout(wire, item, std::max(length, i < rooms.size() ? rooms[i] : 0));
  }
  return wire.take();
}

Digest128 plan_digest(const SavePlan& plan, const std::vector<std::uint64_t>& rooms,
                      const PlanContext& context) {
  const Bytes fields = layout_fields(plan, rooms, context);
  return xxh3_128(fields.data(), fields.size());
}

std::uint64_t replica_balance(const SavePlan& plan) {
  std::uint64_t balance = 0;
  for (const auto& item : plan.items) {
    const auto digest = item.bytes_io_data ? item.bytes_io_data->digest
                        : item.tensor_data ? item.tensor_data->digest
                                           : std::nullopt;
    if (!digest) continue;
    const auto& fqn = item.index.fqn;
    const auto hash = xxh3(fqn.data(), fqn.size(), *digest);
    // One holder, which is told how many there are, puts in what each other one takes out.
    const auto told = std::ranges::find_if(
        item.slices, [](auto n) { return n != 0; }, &WriteSlice::holders);
    balance += told == item.slices.end() ? 0 - hash : (told->holders - 1) * hash;
  }
  return balance;
}

}  // namespace h5dcp
