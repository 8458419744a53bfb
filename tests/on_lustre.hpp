// The shim in the part of Lustre.

#pragma once

#include "h5dcp/striping.hpp"
#include "lov.hpp"
#include "shim/shim.h"

namespace h5dcp::test {

// From now on the folder that the shim was armed with is on Lustre, and no file is in it yet: files
// get these stripes unless they are asked for others.
inline void be_on_lustre(const Striping& of_folder) {
  const auto lov = plain_lov(static_cast<std::uint16_t>(of_folder.count),
                             static_cast<std::uint32_t>(of_folder.bytes));
  h5dcp_shim_lustre(lov.data(), lov.size());
}

}  // namespace h5dcp::test
