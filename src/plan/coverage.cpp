#include "plan/coverage.hpp"

#include <cstddef>
#include <variant>

#include "h5dcp/error.hpp"
#include "plan/tile.hpp"

namespace h5dcp {
namespace {

// `box`, in the coordinates of a piece at `origin`, in those of the tensor.
Box moved(Box box, const Extents& origin) {
  for (std::size_t d = 0; d < box.dims(); ++d) box.offsets[d] += origin[d];
  return box;
}

}  // namespace

void check_coverage(const std::string& fqn, const std::vector<Box>& wanted,
                    const std::vector<ReadItem>& items) {
  if (wanted.size() == 1 && items.size() == 1 && items[0].lengths == wanted[0].sizes) return;
  std::vector<std::vector<Box>> filled(wanted.size());  // of each piece, in its own coordinates
  for (const auto& item : items) {
    filled.at(item.dest_index.index.value()).push_back({item.dest_offsets, item.lengths});
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto fault = find_tiling_fault(wanted[i].sizes, filled[i]);
    if (!fault) continue;
    const auto* hole = std::get_if<Hole>(&*fault);
    const auto where =
        hole != nullptr ? to_string(moved(hole->box, wanted[i].offsets)) : to_string(wanted[i]);
    throw Error(ErrorCode::corrupt,
                "load '" + fqn + "': the checkpoint's chunks " +
                    (hole != nullptr ? "do not have " + where : "overlap in " + where));
  }
}

}  // namespace h5dcp
