// What the planners' interfaces do unless overridden.

#include "h5dcp/planner.hpp"

#include "h5dcp/error.hpp"

namespace h5dcp {

std::optional<std::uint64_t> WriteItem::tensor_storage_size() const {
  if (!tensor_data) return std::nullopt;
  return static_cast<std::uint64_t>(nbytes(tensor_data->properties.dtype, tensor_data->size));
}

std::vector<PlannedWrite> SavePlanner::plan_writes(const Proposals& proposals) const {
  throw Error(ErrorCode::internal, "save '" + proposals.fqn +
                                       "': a planner that does not need all plans must override "
                                       "plan_writes");
}

std::span<std::uint8_t> LoadPlanner::resolve_bytes(const ReadItem& item) {
  throw Error(ErrorCode::unsupported,
              "load '" + item.dest_index.fqn + "': this planner takes values by load_bytes alone");
}

}  // namespace h5dcp
