// How each dtype is stored in HDF5: docs/format.md, "Element types".

#pragma once

#include "h5dcp/tensor.hpp"
#include "storage/hdf5_id.hpp"

namespace h5dcp::hdf5 {

// The type in the file, which is always the type in memory as well: a conversion would silently
// turn collective writes into independent ones. Throws Error{io}.
Datatype datatype_of(DType dtype);

// A row of the tables `tensors` and `chunks`: layout/tables.hpp.
Datatype tensor_row_type();
Datatype chunk_row_type();

}  // namespace h5dcp::hdf5
