// Values that are no tensors, out of a file.

#pragma once

#include <cstddef>

#include "files/index.hpp"
#include "files/posix_file.hpp"
#include "h5dcp/state_dict.hpp"

namespace h5dcp {

// The value of entry i, checked. Throws Error{corrupt}, Error{io}.
Value read_value(const PosixFile& file, const Index& index, std::size_t i);

}  // namespace h5dcp
