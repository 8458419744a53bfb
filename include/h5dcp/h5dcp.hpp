// All of h5dcp::h5dcp in one include.

#pragma once

#include "h5dcp/checkpoint_file.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/default_planner.hpp"
#include "h5dcp/device_mesh.hpp"
#include "h5dcp/dlpack.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/flatten.hpp"
#include "h5dcp/hdf5.hpp"
#include "h5dcp/metadata.hpp"
#include "h5dcp/null_storage.hpp"
#include "h5dcp/planner.hpp"
#include "h5dcp/report.hpp"
#include "h5dcp/state_dict.hpp"
#include "h5dcp/state_dict_loader.hpp"
#include "h5dcp/state_dict_saver.hpp"
#include "h5dcp/stateful.hpp"
#include "h5dcp/storage.hpp"
#include "h5dcp/tensor.hpp"
#include "h5dcp/value_codec.hpp"
#include "h5dcp/verify.hpp"
