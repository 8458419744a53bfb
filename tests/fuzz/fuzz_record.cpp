// Commit records of random bytes, with the magic and the digest right: each is refused as corrupt
// or unsupported, or is the record that its encoding gives back.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/checksum.hpp"
#include "files/check_index.hpp"
#include "h5dcp/error.hpp"
#include "layout/record.hpp"

using namespace h5dcp;

namespace {

// The fields, then some of the digests of segments.
Bytes with_digest(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(kRecordBytes);
  constexpr std::size_t kFieldsAt = 12;
  const Bytes start = encode_record({});
  std::copy_n(start.begin(), kFieldsAt, bytes.begin());
  std::copy_n(data, std::min(size, kRecordBytes - kFieldsAt - 8), bytes.begin() + 8);
  const auto digest = xxh3(bytes.data(), kRecordBytes - 8);
  std::memcpy(&bytes[kRecordBytes - 8], &digest, sizeof digest);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = with_digest(data, size);
  try {
    const Record record = decode_record(bytes);
    if (!(decode_record(encode_record(record)) == record)) std::abort();
    static_cast<void>(generation_of_unfinished(bytes));
    check_record(record);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt && error.code() != ErrorCode::unsupported) std::abort();
  }
  return 0;
}
