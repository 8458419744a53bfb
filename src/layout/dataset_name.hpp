// Where in the HDF5 file a tensor is found: docs/format.md, "Names".

#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace h5dcp {

// "/state/model/layers/0/weight" for "model.layers.0.weight": the dots become groups. In each
// component '%', '/' and control characters become %XX, and an empty one becomes "%", because HDF5
// would collapse it. If the FQN is also a prefix of another one (`is_prefix`), its group cannot be
// a dataset as well: the dataset is then "%self" in that group.
std::string dataset_path(std::string_view fqn, bool is_prefix);

// Of one of `all`, which have an `fqn` each and are ordered by it.
template <class Named>
std::string dataset_path(const Named& one, const std::vector<Named>& all) {
  const auto prefix = one.fqn + ".";
  const auto next = std::ranges::lower_bound(all, prefix, {}, &Named::fqn);
  return dataset_path(one.fqn, next != all.end() && next->fqn.starts_with(prefix));
}

// Appends a component as it is in the path.
void append_component(std::string& path, std::string_view component);

inline constexpr std::string_view kSelf = "%self";

}  // namespace h5dcp
