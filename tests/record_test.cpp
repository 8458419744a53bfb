#include "layout/record.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "base/checksum.hpp"
#include "h5dcp/error.hpp"

namespace h5dcp {
namespace {

Record sample() {
  Record record;
  record.committed = true;
  record.generation = 0x0123456789ABCDEF;
  record.created_unix_ns = 42;
  record.world_size = 7;
  record.file_bytes = 1 << 20;
  record.data_bytes = 1 << 19;
  for (std::size_t t = 0; t < kTables; ++t) record.tables.at(t) = {t * 100, t + 1};
  record.table_digests = {1, 2, 3};
  record.index_digest = 4;
  record.segment_bytes = 64;
  record.segments = 2;
  record.segment_digests[0] = 5;
  record.segment_digests[1] = 6;
  return record;
}

ErrorCode code_of(const Bytes& bytes) {
  try {
    decode_record(bytes);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::internal;
}

void rehash(Bytes& bytes) {
  const auto digest = xxh3(bytes.data(), kRecordBytes - 8);
  std::memcpy(&bytes[kRecordBytes - 8], &digest, sizeof digest);
}

TEST(Record, RoundTrips) {
  const Bytes bytes = encode_record(sample());
  ASSERT_EQ(bytes.size(), kRecordBytes);
  EXPECT_EQ(decode_record(bytes), sample());
}

TEST(Record, IsOfVersion2WithFilteredTensorsAlone) {
  EXPECT_EQ(encode_record(sample())[8], 1);
  Record filtered = sample();
  filtered.filtered = {4096, 100};
  const Bytes bytes = encode_record(filtered);
  EXPECT_EQ(bytes[8], 2);
  EXPECT_EQ(decode_record(bytes), filtered);
}

TEST(Record, IsOfVersion3WithDataFilesAndOfThese) {
  Record whole = sample();
  whole.data_files = 5;
  whole.data_folder = std::string(kMostFolderBytes, 'x');
  Record file = sample();
  file.data_file = 2;
  for (const auto& record : {whole, file}) {
    const Bytes bytes = encode_record(record);
    EXPECT_EQ(bytes[8], 3);
    EXPECT_EQ(decode_record(bytes), record);
  }
}

TEST(Record, IsOfVersion4WithTensorsWithoutChecksums) {
  Record record = sample();
  record.unhashed = true;
  record.data_files = 5;
  record.data_folder = std::string(kMostFolderBytes, 'x');
  const Bytes bytes = encode_record(record);
  EXPECT_EQ(bytes[8], 4);
  EXPECT_EQ(decode_record(bytes), record);
}

TEST(Record, IsOfVersion5WithChunksOfShards) {
  for (const bool unhashed : {false, true}) {
    Record record = sample();
    record.chunked = true;
    record.unhashed = unhashed;
    const Bytes bytes = encode_record(record);
    EXPECT_EQ(bytes[8], 5);
    EXPECT_EQ(decode_record(bytes), record);
  }
}

TEST(Record, NoticesEveryFlippedBit) {
  const Bytes good = encode_record(sample());
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= 0x10;
    EXPECT_EQ(code_of(bad), ErrorCode::corrupt) << at;
  }
}

TEST(Record, RefusesWhatItIsNot) {
  const Bytes good = encode_record(sample());
  EXPECT_EQ(code_of({}), ErrorCode::corrupt) << "empty";
  EXPECT_EQ(code_of(Bytes(good.begin(), good.end() - 1)), ErrorCode::corrupt) << "cut";
  EXPECT_EQ(code_of(Bytes(kRecordBytes)), ErrorCode::corrupt) << "zeros";

  Record unfinished = sample();
  unfinished.committed = false;
  EXPECT_EQ(code_of(encode_record(unfinished)), ErrorCode::corrupt);
  EXPECT_EQ(generation_of_unfinished(encode_record(unfinished)), sample().generation);

  Record many = sample();
  many.data_files = kMostDataFiles + 1;
  EXPECT_EQ(code_of(encode_record(many)), ErrorCode::corrupt);

  Bytes newer = good;
  newer[8] = 6;
  rehash(newer);
  EXPECT_EQ(code_of(newer), ErrorCode::unsupported);
}

}  // namespace
}  // namespace h5dcp
