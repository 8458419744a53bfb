// What a name that is not there may have been meant to be.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "h5dcp/metadata.hpp"

namespace h5dcp {

// The one of `names` that needs the fewest edits to become `name`; empty if none is close. Looks at
// a bounded number of names, of bounded length.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> names);

// All names of a checkpoint, to look among; they live as long as it does.
std::vector<std::string_view> names_of(const Metadata& metadata);

}  // namespace h5dcp
