#include "files/file_head.hpp"

#include <algorithm>

#include "h5dcp/error.hpp"

namespace h5dcp {

Bytes start_of(const PosixFile& file) {
  Bytes start(std::min<std::uint64_t>(file.size(), kRecordBytes));
  file.read(start.data(), start.size(), 0);
  return start;
}

FileHead head_of(const std::string& path) {
  const Bytes start = start_of(PosixFile(path, PosixFile::Mode::read));
  FileHead head;
  if (std::ranges::all_of(start, [](std::uint8_t byte) { return byte == 0; })) {
    head.kind = FileHead::Kind::empty;
    return head;
  }
  if (!is_record(start)) return head;
  head.kind = FileHead::Kind::damaged;
  try {
    head.record.generation = generation_of_unfinished(start);
    head.kind = FileHead::Kind::uncommitted;
    head.record = decode_record(start);
    head.kind = FileHead::Kind::whole;
  } catch (const Error&) {  // the kind tells
  }
  return head;
}

}  // namespace h5dcp
