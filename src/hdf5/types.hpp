// How each dtype is stored in HDF5: docs/format.md, "Element types".

#pragma once

#include "h5dcp/tensor.hpp"
#include "hdf5/id.hpp"
#include "layout/record.hpp"

namespace h5dcp::hdf5 {

// The type in the file, which is always the type in memory as well: a conversion would silently
// turn collective writes into independent ones. Throws Error{io}.
Datatype datatype_of(DType dtype);

// The type of a table's rows or items: layout/table_fields.hpp. Throws Error{io}.
Datatype datatype_of(Table table);

}  // namespace h5dcp::hdf5
