// Boxes and plans from the cases that both sides get.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "h5dcp/planner.hpp"
#include "scenarios/outcome.hpp"

namespace h5dcp::conformance {

inline Extents extents(const Json& json) {
  const auto numbers = json.get<std::vector<std::int64_t>>();
  return Extents(std::span<const std::int64_t>(numbers));
}

inline Box box(const Json& json) {
  return {extents(json.at(0)), extents(json.at(1))};
}

inline WriteItem shard_item(const std::string& name, const Box& chunk, const Extents& size) {
  WriteItem item;
  item.index = {name, chunk.offsets, std::nullopt};
  item.type = WriteItemType::shard;
  item.tensor_data = TensorWriteData{chunk, {DType::float32}, size};
  item.path = {name};
  return item;
}

inline WriteItem write_item(const Json& json) {
  const auto name = json.at(0).get<std::string>();
  if (!json.at(1).is_null()) {
    return shard_item(name, {extents(json.at(1)), extents(json.at(2))}, extents(json.at(3)));
  }
  WriteItem item;
  item.index = {name, std::nullopt, std::nullopt};
  item.type = WriteItemType::byte_io;
  item.bytes_io_data = BytesWriteData{};
  item.path = {name};
  return item;
}

inline std::vector<SavePlan> save_plans(const Json& json) {
  std::vector<SavePlan> plans;
  for (const auto& plan : json) {
    plans.emplace_back();
    for (const auto& item : plan) plans.back().items.push_back(write_item(item));
  }
  return plans;
}

}  // namespace h5dcp::conformance
