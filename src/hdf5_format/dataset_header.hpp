// All that HDF5 knows of a dataset: an object header with its messages.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hdf5_format/attribute.hpp"
#include "hdf5_format/byte_writer.hpp"
#include "hdf5_format/filter_pipeline.hpp"

namespace h5dcp::hdf5_format {

// What it refers to belongs to the caller.
struct DatasetHeader {
  std::span<const std::uint8_t> datatype = {};  // the message
  std::size_t itemsize = 0;
  std::span<const std::int64_t> sizes = {};  // none: a scalar

  // If it is contiguous:
  std::uint64_t address = kUndefined;  // of its bytes, if there are any
  std::uint64_t nbytes = 0;

  // If it is chunked:
  std::span<const std::int64_t> chunk = {};  // as many sizes as `sizes`
  std::span<const Filter> filters = {};
  std::uint64_t chunk_btree = kUndefined;  // its index of chunks, if it has any yet

  // If it is virtual:
  std::uint64_t mapping_collection = kUndefined;
  std::uint32_t mapping_number = 0;  // from 1 on; 0: it is not

  std::span<const TextAttribute> attributes = {};
};

// Whether it can be written: no message is longer than a header takes, and the sizes of a chunk are
// such that the message has room for them.
bool fits(const DatasetHeader& dataset);

std::size_t dataset_header_bytes(const DatasetHeader& dataset);

// As many bytes as that. `dataset` fits.
void put_dataset_header(ByteWriter& out, const DatasetHeader& dataset);

}  // namespace h5dcp::hdf5_format
