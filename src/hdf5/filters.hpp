// Filters as HDF5 is told of them.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "h5dcp/filters.hpp"
#include "hdf5/id.hpp"
#include "hdf5_format/filter_pipeline.hpp"

namespace h5dcp::hdf5 {

// Adds them to how a dataset is created.
//
// Throws Error{unsupported} if this HDF5 lacks one, Error{io}: "<action>: ...".
void set_filters(const PropertyList& creation, const Filters& filters, const std::string& action);

// As they are stored with a dataset whose elements have `itemsize` bytes. Throws the same.
std::vector<hdf5_format::Filter> stored_filters(const Filters& filters, std::size_t itemsize,
                                                const std::string& action);

}  // namespace h5dcp::hdf5
