// Planning as DCP does it: in one place, from the plans of all ranks.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "h5dcp/default_planner.hpp"
#include "h5dcp/error.hpp"
#include "plan/merge.hpp"
#include "plan/proposals.hpp"

namespace h5dcp {
namespace {

// The ranks that propose one index, in the order in which an index is first seen.
struct Candidates {
  std::vector<std::size_t> ranks;  // ascending, each once
  std::uint64_t load = 1;          // what writing it counts for
  bool empty = true;               // whether none of them has an element
};

// A tensor without elements, or an empty piece: it may lie where another rank's piece begins.
bool is_empty(const WriteItem& item) {
  return item.tensor_data && numel(item.tensor_data->chunk.sizes) == 0;
}

std::vector<std::pair<MetadataIndex, Candidates>> candidates_of(
    const std::vector<SavePlan>& plans) {
  std::vector<std::pair<MetadataIndex, Candidates>> found;
  std::unordered_map<MetadataIndex, std::size_t> places;
  for (std::size_t rank = 0; rank < plans.size(); ++rank) {
    for (const auto& item : plans[rank].items) {
      const auto [place, is_new] = places.try_emplace(item.index, found.size());
      if (is_new) {
        const auto size = item.tensor_storage_size().value_or(0);
        found.push_back({item.index, {{}, std::max<std::uint64_t>(size, 1)}});
      }
      auto& candidates = found[place->second].second;
      if (candidates.empty && !is_empty(item)) {
        candidates.empty = false;
        candidates.ranks.clear();
      }
      if (candidates.empty != is_empty(item)) continue;
      auto& ranks = candidates.ranks;
      if (ranks.empty() || ranks.back() != rank) ranks.push_back(rank);
    }
  }
  return found;
}

void add_to(Metadata& metadata, WriteItem& item) {
  const auto& fqn = item.index.fqn;
  metadata.planner_data.try_emplace(fqn, item.path);
  if (item.type == WriteItemType::byte_io) {
    metadata.state_dict_metadata[fqn] = BytesStorageMetadata{item.bytes_io_data->kind};
    return;
  }
  const auto& data = *item.tensor_data;
  auto& entry = metadata.state_dict_metadata
                    .try_emplace(fqn, TensorStorageMetadata{data.properties, data.size, {}})
                    .first->second;
  auto& chunks = std::get<TensorStorageMetadata>(entry).chunks;
  item.index.index = chunks.size();
  chunks.push_back(data.chunk);
}

}  // namespace

std::vector<SavePlan> dedup_save_plans(std::vector<SavePlan> plans, bool save_to_lowest_rank) {
  std::vector<std::uint64_t> loads(plans.size());
  std::unordered_map<MetadataIndex, std::pair<std::size_t, bool>> kept;  // by whom; if it is empty
  for (const auto& [index, candidates] : candidates_of(plans)) {
    const auto& ranks = candidates.ranks;
    const auto writer =
        save_to_lowest_rank
            ? ranks.front()
            : *std::ranges::min_element(ranks, {}, [&](std::size_t rank) { return loads[rank]; });
    loads[writer] += candidates.load;
    kept.emplace(index, std::pair(writer, candidates.empty));
  }
  for (std::size_t rank = 0; rank < plans.size(); ++rank) {
    std::erase_if(plans[rank].items, [&](const WriteItem& item) {
      return kept.at(item.index) != std::pair(rank, is_empty(item));
    });
  }
  return plans;
}

GlobalSavePlan create_default_global_save_plan(std::vector<SavePlan> plans) {
  for (const auto& [fqn, proposals] : proposals_of(plans)) {
    const auto writes = merge(proposals, Replicas::lowest_rank);
    const auto pieces = std::ranges::count_if(proposals.holders, [](const auto& holder) {
      return holder.type == WriteItemType::byte_io || numel(holder.tensor.chunk.sizes) > 0;
    });
    if (static_cast<std::size_t>(pieces) != writes.size()) {
      throw Error(ErrorCode::invalid_argument,
                  "save '" + fqn + "': several plans have the same piece; dedup_save_plans first");
    }
  }
  GlobalSavePlan global{std::move(plans), {}};
  for (auto& plan : global.plans) {
    for (auto& item : plan.items) add_to(global.metadata, item);
  }
  return global;
}

}  // namespace h5dcp
