// Reading what the ranks of a node want of a file, of which they often want the same.

#pragma once

#include <vector>

#include "comm/node.hpp"
#include "files/posix_file.hpp"
#include "layout/record.hpp"

namespace h5dcp {

// Bytes of a file, and where they go.
struct WantedBytes {
  Range range;
  void* to;
};

// Reads what this rank wants, in any order. Together with the other ranks of the node, whatever
// each wants: each byte is read by one of them, in long ranges. False if the session of another
// rank has failed: then not all was read, and that rank says why.
//
// Throws Error{corrupt} if two ranges have bytes in common, or the file ends before one; Error{io}.
bool read_on_node(NodeSession& session, const PosixFile& file, std::vector<WantedBytes> wanted);

}  // namespace h5dcp
