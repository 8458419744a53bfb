#include "storage/values.hpp"

#include <string>
#include <utility>

#include "base/context.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/value_codec.hpp"
#include "storage/stored_blocks.hpp"

namespace h5dcp {

void check_is_one_value(const Index& index, std::size_t i) {
  if (index.row(i).chunks == 1) return;
  throw Error(ErrorCode::corrupt, "'" + std::string(index.fqn(i)) + "': not one value");
}

Value decode_stored(const Index& index, std::size_t i, const StoredChunk& chunk, Bytes bytes) {
  check_blocks(index, i, chunk, chunk.grid.box, bytes.data());
  bytes.resize(chunk.nbytes);
  return with_context("'" + std::string(index.fqn(i)) + "'", [&] {
    return decode_value(index.kind(i), index.dtype(i), index.sizes(i), bytes);
  });
}

Value read_value(const PosixFile& file, const Index& index, std::size_t i) {
  check_is_one_value(index, i);
  const auto chunks = read_chunks(file, index, i);
  const auto row = index.row(i);
  Bytes bytes(row.nbytes);
  file.read(bytes.data(), bytes.size(), row.address);
  return decode_stored(index, i, chunks[0], std::move(bytes));
}

}  // namespace h5dcp
