// What a rank writes of its plan, in which pieces, and on which way.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "files/index.hpp"
#include "storage/written_chunk.hpp"
#include "transfer/engine.hpp"

namespace h5dcp {

// What is moved at once: a box of whole blocks of one chunk.
struct Part {
  std::size_t chunk;
  Box box;
  Box in_dataset;  // the same, but of a slot, a range of `blobs`, or in a part of the tensor
};

struct WriteWork {
  std::vector<WrittenChunk> chunks;
  std::vector<Part> parts;
  std::vector<Piece> pieces;  // one a part
  // The numbers of those for write_exchanged(), in its order; the others are the engine's.
  std::vector<std::size_t> exchanged;
};

// Both must outlive it. Engines get pieces of at most `piece_bytes`.
WriteWork work_of(const SavePlan& plan, const Index& index, std::uint64_t piece_bytes);

// "'lm_head.weight' [0:4, 0:768] float32", or "'name'" of a value.
std::string to_string(const Part& part, const WrittenChunk& chunk);

}  // namespace h5dcp
