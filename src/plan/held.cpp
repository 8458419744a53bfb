#include "plan/held.hpp"

#include <algorithm>

#include "base/context.hpp"
#include "base/whole_box.hpp"
#include "h5dcp/error.hpp"
#include "plan/bounds.hpp"

namespace h5dcp {
namespace {

// What is being done, for the message if it cannot be.
using Doing = std::function<std::string()>;

Error unsound(const Doing& doing, const std::string& why) {
  return {ErrorCode::invalid_argument, doing() + ": " + why};
}

void check_shard(const Doing& doing, const ShardedTensor& tensor, const LocalShard& shard) {
  if (!is_inside(shard.box, tensor.sizes)) {
    throw unsound(
        doing, "a shard with " + raw_text(shard.box) + " is not inside " + to_string(tensor.sizes));
  }
  const auto shard_text = [&shard] { return "shard " + to_string(shard.box); };
  if (shard.view.sizes != shard.box.sizes) {
    throw unsound(doing, shard_text() + " has a view of " + to_string(shard.view.sizes));
  }
  if (shard.view.dtype != tensor.dtype) {
    throw unsound(doing, shard_text() + " is " + std::string(to_string(shard.view.dtype)) +
                             ", the tensor " + std::string(to_string(tensor.dtype)));
  }
  check_held([&] { return doing() + ", " + shard_text(); }, shard.view);
}

}  // namespace

void check_held(const Doing& doing, const TensorView& tensor) {
  const auto bytes = with_late_context(doing, [&] { return nbytes(tensor.dtype, tensor.sizes); });
  if (tensor.strides.size() != tensor.sizes.size()) {
    throw unsound(
        doing, "sizes " + to_string(tensor.sizes) + " with strides " + to_string(tensor.strides));
  }
  if (bytes > 0 && tensor.data == nullptr) {
    throw unsound(doing, "a tensor of " + to_string(tensor.sizes) + " without memory");
  }
}

void check_held(const Doing& doing, const ShardedTensor& tensor) {
  with_late_context(doing, [&] { return nbytes(tensor.dtype, tensor.sizes); });
  for (const auto& shard : tensor.shards) check_shard(doing, tensor, shard);
}

const TensorView* find_piece(const Value& value, const MetadataIndex& index) {
  if (!index.offset) return nullptr;
  if (const auto* view = std::get_if<TensorView>(&value)) {
    return *index.offset == whole_box(view->sizes).offsets ? view : nullptr;
  }
  const auto* tensor = std::get_if<ShardedTensor>(&value);
  if (tensor == nullptr) return nullptr;
  const auto& shards = tensor->shards;
  const auto is_there = [&](const LocalShard& shard) { return shard.box.offsets == *index.offset; };
  if (index.index && *index.index < shards.size() && is_there(shards[*index.index])) {
    return &shards[*index.index].view;
  }
  const auto found = std::ranges::find_if(shards, is_there);
  return found == shards.end() ? nullptr : &found->view;
}

}  // namespace h5dcp
