// Tensors that HDF5 is to find filtered. How many bytes a chunk takes is known when it has been
// filtered: so ranks do that in rounds of a few MiB, and after each add what they have to the end
// of the file, in the order of ranks.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "files/posix_file.hpp"
#include "h5dcp/comm.hpp"
#include "h5dcp/filters.hpp"
#include "layout/record.hpp"
#include "storage/written_chunk.hpp"

namespace h5dcp {

// Collective. Writes those of `chunks` that are filtered, behind `filtered`, which grows by what
// all ranks write, and adds their checksums and addresses. A round has `round_bytes` of each rank,
// or a chunk of HDF5 if that has more.
void write_filtered(const Comm& comm, const std::string& step, const PosixFile& file,
                    std::vector<WrittenChunk>& chunks, Source& source, const Filters& filters,
                    std::uint64_t round_bytes, Range& filtered);

}  // namespace h5dcp
