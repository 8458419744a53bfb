#include "plan/leaves.hpp"

namespace h5dcp {

std::unordered_map<std::string, std::size_t> places_of(const std::vector<Leaf>& leaves) {
  std::unordered_map<std::string, std::size_t> places;
  places.reserve(leaves.size());
  for (std::size_t i = 0; i < leaves.size(); ++i) places.emplace(leaves[i].fqn, i);
  return places;
}

}  // namespace h5dcp
