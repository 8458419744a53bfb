// The ways in which the programs of this test save, by name.

#pragma once

#include <string>

#include "crash_state.hpp"
#include "h5dcp/hdf5.hpp"

namespace h5dcp::test {

// Of "direct", "collective", "repeated", "filtered", "files", "chunked".
inline Hdf5Options options_of(const std::string& way) {
  Hdf5Options options{.transfer = transfer_named(way).value_or(Transfer::automatic),
                      .piece_bytes = kCrashPieceBytes};
  if (way == "files") options.files = Files::per_ranks(1);
  if (way == "filtered") options.filters.compression = Compression::deflate;
  if (way == "chunked") {
    options.transfer = Transfer::aggregated;
    options.layout = Layout::chunk_per_shard;
  }
  return options;
}

}  // namespace h5dcp::test
