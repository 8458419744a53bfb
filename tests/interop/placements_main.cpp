// What each rank holds of tensors: reads one case a line, prints one line for each of its ranks.
//
//     in   dims sizes... mesh dims sizes... placements: r | s DIM | t DIM FACTOR
//     out  boxes as offset:size pairs, a box after the other, separated by "|"

#include <exception>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "h5dcp/device_mesh.hpp"

namespace {

h5dcp::Extents read_sizes(std::istream& in) {
  std::size_t dims = 0;
  in >> dims;
  std::vector<std::int64_t> sizes(dims);
  for (auto& size : sizes) in >> size;
  return h5dcp::Extents(sizes);
}

h5dcp::Placement read_placement(std::istream& in) {
  std::string kind;
  in >> kind;
  if (kind == "r") return h5dcp::Replicate{};
  std::size_t dim = 0;
  in >> dim;
  if (kind == "s") return h5dcp::Shard{dim};
  std::int64_t factor = 0;
  in >> factor;
  return h5dcp::StridedShard{dim, factor};
}

void answer(std::istream& in) {
  const auto sizes = read_sizes(in);
  const h5dcp::DeviceMesh mesh(read_sizes(in));
  std::vector<h5dcp::Placement> placements;
  for (std::size_t i = 0; i < mesh.sizes().size(); ++i) placements.push_back(read_placement(in));
  for (int rank = 0; rank < mesh.size(); ++rank) {
    const auto boxes = h5dcp::local_boxes(sizes, mesh, placements, rank);
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      if (i > 0) std::cout << " |";
      for (std::size_t d = 0; d < sizes.size(); ++d) {
        std::cout << ' ' << boxes[i].offsets[d] << ':' << boxes[i].sizes[d];
      }
    }
    std::cout << '\n';
  }
}

}  // namespace

int main() {
  try {
    for (std::string line; std::getline(std::cin, line);) {
      std::istringstream in(line);
      answer(in);
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
