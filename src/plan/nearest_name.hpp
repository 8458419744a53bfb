// What a name that is not there may have been meant to be.

#pragma once

#include <span>
#include <string>
#include <string_view>

namespace h5dcp {

// The one of `names` that needs the fewest edits to become `name`; empty if none is close. Looks at
// a bounded number of names, of bounded length.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> names);

}  // namespace h5dcp
