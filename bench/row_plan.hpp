// What ranks plan to save that hold tensors by rows.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "h5dcp/planner.hpp"

namespace bench {

struct Shape {
  int ranks = 64;
  int tensors = 1024;
  int holders = 4;  // of each tensor: by rows; divides the ranks
};

inline std::string name_of(int tensor) {
  return "model.layers." + std::to_string(tensor / 10) + ".block.linear" +
         std::to_string(tensor % 10) + ".weight";
}

// What a rank has: ranks are in groups of `holders`, and tensors in those groups in turn.
inline h5dcp::SavePlan plan_of(int rank, const Shape& shape) {
  h5dcp::SavePlan plan;
  const int groups = shape.ranks / shape.holders;
  const h5dcp::Extents size{std::int64_t{shape.holders} * 16, 4096};
  const h5dcp::Box box{{std::int64_t{rank % shape.holders} * 16, 0}, {16, 4096}};
  for (int t = rank / shape.holders; t < shape.tensors; t += groups) {
    h5dcp::WriteItem item;
    item.index = {name_of(t), box.offsets, std::nullopt};
    item.type = h5dcp::WriteItemType::shard;
    item.tensor_data = h5dcp::TensorWriteData{box, {h5dcp::DType::bfloat16}, size};
    item.path = {
        "model", "layers", std::to_string(t / 10), "block", "linear" + std::to_string(t % 10),
        "weight"};
    plan.items.push_back(std::move(item));
  }
  return plan;
}

}  // namespace bench
