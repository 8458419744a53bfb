#include "storage/values.hpp"

#include <string>

#include "base/context.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/value_codec.hpp"
#include "storage/stored_blocks.hpp"

namespace h5dcp {

Value read_value(const PosixFile& file, const Index& index, std::size_t i) {
  const auto chunks = read_chunks(file, index, i);
  const auto row = index.row(i);
  if (chunks.size() != 1) {
    throw Error(ErrorCode::corrupt, "'" + std::string(index.fqn(i)) + "': not one value");
  }
  Bytes bytes(row.nbytes);
  file.read(bytes.data(), bytes.size(), row.address);
  check_blocks(index, i, chunks[0], chunks[0].grid.box, bytes.data());
  bytes.resize(chunks[0].nbytes);
  return with_context("'" + std::string(index.fqn(i)) + "'", [&] {
    return decode_value(index.kind(i), index.dtype(i), index.sizes(i), bytes);
  });
}

}  // namespace h5dcp
