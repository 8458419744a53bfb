// Hdf5Options that make sense.

#pragma once

#include "h5dcp/hdf5.hpp"

namespace h5dcp {

// Throws Error{invalid_argument} if the options do not.
void check_options(const Hdf5Options& options);

}  // namespace h5dcp
