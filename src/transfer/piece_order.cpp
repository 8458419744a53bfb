#include "transfer/piece_order.hpp"

#include <utility>

#include "transfer/piece_walk.hpp"

namespace h5dcp {
namespace {

// Behind its last element.
std::uint64_t end_of(const Piece& piece) {
  const auto& target = piece.target;
  std::uint64_t last = 0;
  for (std::size_t d = 0; d < target.sizes.size(); ++d) {
    const auto& box = piece.boxes.back();
    last = last * static_cast<std::uint64_t>(target.sizes[d]) +
           static_cast<std::uint64_t>(box.offsets[d] + box.sizes[d] - 1);
  }
  return target.address + (last + 1) * target.itemsize;
}

}  // namespace

Range first_range(const Piece& piece) {
  const PieceWalk walk(piece);
  return walk.at_end() ? Range{} : Range{walk.address(), walk.nbytes()};
}

std::vector<std::size_t> take_overlaps(const std::vector<Piece>& pieces,
                                       std::vector<std::size_t>& order) {
  std::uint64_t end = 0;
  std::uint32_t file = 0;
  std::vector<std::size_t> overlapping;
  std::erase_if(order, [&](std::size_t i) {
    if (std::exchange(file, pieces[i].target.file) != pieces[i].target.file) end = 0;
    if (first_range(pieces[i]).address < end) {
      overlapping.push_back(i);
      return true;
    }
    if (!pieces[i].boxes.empty() && bytes_of(pieces[i]) > 0) end = end_of(pieces[i]);
    return false;
  });
  return overlapping;
}

}  // namespace h5dcp
