// A save on a communicator that is there already.

#pragma once

#include "h5dcp/state_dict_saver.hpp"

namespace h5dcp {

// save() without arguments.comm, no_dist, deadline, on_hang and options.
SaveResult save_on(const Comm& comm, StateDict& state_dict, const SaveArguments& arguments);

}  // namespace h5dcp
