#include "hdf5_format/dataset_header.hpp"

#include <algorithm>
#include <limits>

#include "hdf5_format/data_layout.hpp"
#include "hdf5_format/dataspace.hpp"
#include "hdf5_format/fill_value.hpp"
#include "hdf5_format/object_header.hpp"

namespace h5dcp::hdf5_format {
namespace {

bool is_chunked(const DatasetHeader& dataset) {
  return !dataset.chunk.empty();
}

bool is_virtual(const DatasetHeader& dataset) {
  return dataset.mapping_number > 0;
}

std::size_t layout_bytes(const DatasetHeader& dataset) {
  if (is_virtual(dataset)) return kVirtualBytes;
  return is_chunked(dataset) ? chunked_bytes(dataset.chunk.size()) : kContiguousBytes;
}

}  // namespace

bool fits(const DatasetHeader& dataset) {
  constexpr std::int64_t kMostChunk = std::numeric_limits<std::uint32_t>::max();
  constexpr std::size_t kMostDims = 32;
  return dataset.sizes.size() <= kMostDims && dataset.datatype.size() <= kMostMessageBytes &&
         filter_pipeline_bytes(dataset.filters) <= kMostMessageBytes &&
         std::ranges::all_of(dataset.chunk,
                             [](auto size) { return size > 0 && size <= kMostChunk; }) &&
         (!is_chunked(dataset) || dataset.chunk.size() == dataset.sizes.size()) &&
         std::ranges::all_of(dataset.attributes, [](const auto& attribute) {
           return attribute_bytes(attribute) <= kMostMessageBytes;
         });
}

std::size_t dataset_header_bytes(const DatasetHeader& dataset) {
  std::size_t nbytes = kHeaderPrefixBytes + message_bytes(dataspace_bytes(dataset.sizes.size())) +
                       message_bytes(dataset.datatype.size()) + message_bytes(kFillValueBytes) +
                       message_bytes(layout_bytes(dataset));
  if (!dataset.filters.empty()) nbytes += message_bytes(filter_pipeline_bytes(dataset.filters));
  for (const auto& attribute : dataset.attributes) {
    nbytes += message_bytes(attribute_bytes(attribute));
  }
  return nbytes;
}

void put_dataset_header(ByteWriter& out, const DatasetHeader& dataset) {
  const auto messages = 4 + (dataset.filters.empty() ? 0U : 1U) + dataset.attributes.size();
  put_header_prefix(out, messages, dataset_header_bytes(dataset) - kHeaderPrefixBytes);

  put_message_prefix(out, Message::dataspace, dataspace_bytes(dataset.sizes.size()));
  put_dataspace(out, dataset.sizes);
  put_message_prefix(out, Message::datatype, dataset.datatype.size(), MessageFlags::constant);
  out.padded_bytes(dataset.datatype);
  put_message_prefix(out, Message::fill_value, kFillValueBytes, MessageFlags::constant);
  const bool is_early = !is_chunked(dataset) && !is_virtual(dataset);
  put_fill_value(out, is_early ? Allocation::early : Allocation::incremental);
  if (!dataset.filters.empty()) {
    put_message_prefix(out, Message::filter_pipeline, filter_pipeline_bytes(dataset.filters),
                       MessageFlags::constant);
    put_filter_pipeline(out, dataset.filters);
  }
  // HDF5 changes the layout when it gives a dataset its space: until then it is no constant.
  const bool has_space = is_early && dataset.address != kUndefined;
  put_message_prefix(out, Message::data_layout, layout_bytes(dataset),
                     has_space ? MessageFlags::constant : MessageFlags::none);
  if (is_virtual(dataset)) {
    put_virtual(out, dataset.mapping_collection, dataset.mapping_number);
  } else if (is_chunked(dataset)) {
    put_chunked(out, dataset.chunk_btree, dataset.chunk, dataset.itemsize);
  } else {
    put_contiguous(out, dataset.address, dataset.nbytes);
  }
  for (const auto& attribute : dataset.attributes) {
    put_message_prefix(out, Message::attribute, attribute_bytes(attribute));
    put_attribute(out, attribute);
  }
}

}  // namespace h5dcp::hdf5_format
