// Tensors as the caller's state dict holds them: are they sound, and which piece is meant.

#pragma once

#include <functional>
#include <string>

#include "h5dcp/metadata.hpp"
#include "h5dcp/state_dict.hpp"
#include "h5dcp/tensor.hpp"

namespace h5dcp {

// Throw Error{invalid_argument} if the tensor contradicts itself: its strides, its memory, a shard
// that is not inside it, or that has other sizes or another dtype than it says. `doing()` begins
// the message: "save 'w'".
void check_held(const std::function<std::string()>& doing, const TensorView& tensor);
void check_held(const std::function<std::string()>& doing, const ShardedTensor& tensor);

// The piece that lies at the offset of `index`: the whole of a plain tensor, or a shard, first
// looked for where the index hints. Null if there is none.
const TensorView* find_piece(const Value& value, const MetadataIndex& index);

}  // namespace h5dcp
