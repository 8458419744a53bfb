// What the first bytes of a file tell about it.

#pragma once

#include <cstdint>
#include <string>

#include "files/posix_file.hpp"
#include "h5dcp/bytes.hpp"
#include "layout/record.hpp"

namespace h5dcp {

struct FileHead {
  enum class Kind : std::uint8_t {
    foreign,      // it isn't ours
    empty,        // only zeros, or nothing: as a file of ours is until its record is written
    uncommitted,  // an unfinished file; only the generation of its record is known
    damaged,      // it begins as a record does, but isn't a sound one, or a newer version wrote it
    whole,        // a checkpoint or a data file
  };

  Kind kind = Kind::foreign;
  Record record = {};
};

// Where the record is: the first kRecordBytes, or fewer if the file is shorter.
//
// Throws Error{io} if the file cannot be read.
Bytes start_of(const PosixFile& file);

// Throws Error{io}, Error{not_found} if the file cannot be read.
FileHead head_of(const std::string& path);

}  // namespace h5dcp
