#include "storage/entry_item.hpp"

#include "h5dcp/error.hpp"

namespace h5dcp {

std::string describe(const EntryItem& item, const Box& box, DType dtype) {
  return "'" + item.item->storage_index.fqn + "' " + to_string(box) + " " +
         std::string(to_string(dtype));
}

TensorView resolve(LoadPlanner& planner, const EntryItem& item) {
  TensorView target = planner.resolve_tensor(*item.item);
  if (target.sizes == item.item->lengths) return target;
  throw Error(ErrorCode::invalid_argument, "'" + item.item->storage_index.fqn +
                                               "': the planner gave " + to_string(target.sizes) +
                                               " for " + to_string(item.region()));
}

}  // namespace h5dcp
