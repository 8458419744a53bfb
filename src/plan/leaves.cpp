#include "plan/leaves.hpp"

#include "h5dcp/error.hpp"

namespace h5dcp {

const Leaf& leaf_named(const char* verb, const std::string& fqn, const Leaves& leaves) {
  const auto* leaf = leaves.find(fqn);
  if (leaf != nullptr) return *leaf;
  throw Error(ErrorCode::invalid_argument,
              std::string(verb) + " '" + fqn + "': not in the state dict");
}

}  // namespace h5dcp
