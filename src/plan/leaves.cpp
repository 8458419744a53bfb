#include "plan/leaves.hpp"

#include "h5dcp/error.hpp"

namespace h5dcp {

std::unordered_map<std::string, std::size_t> places_of(const std::vector<Leaf>& leaves) {
  std::unordered_map<std::string, std::size_t> places;
  places.reserve(leaves.size());
  for (std::size_t i = 0; i < leaves.size(); ++i) places.emplace(leaves[i].fqn, i);
  return places;
}

const Leaf& leaf_named(const std::string& verb, const std::string& fqn,
                       const std::vector<Leaf>& leaves,
                       const std::unordered_map<std::string, std::size_t>& places) {
  const auto place = places.find(fqn);
  if (place == places.end()) {
    throw Error(ErrorCode::invalid_argument, verb + " '" + fqn + "': not in the state dict");
  }
  return leaves[place->second];
}

}  // namespace h5dcp
