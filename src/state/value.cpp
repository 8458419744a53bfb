#include <algorithm>
#include <variant>

#include "h5dcp/state_dict.hpp"

namespace h5dcp {
namespace {

bool equal(const auto& a, const auto& b) {
  return a == b;
}

bool equal(const TensorView& a, const TensorView& b) {
  return a.data == b.data && a.dtype == b.dtype && a.sizes == b.sizes && a.strides == b.strides;
}

bool equal(const LocalShard& a, const LocalShard& b) {
  return a.box == b.box && equal(a.view, b.view);
}

bool equal(const ShardedTensor& a, const ShardedTensor& b) {
  return a.dtype == b.dtype && a.sizes == b.sizes &&
         std::ranges::equal(a.shards, b.shards,
                            [](const LocalShard& x, const LocalShard& y) { return equal(x, y); });
}

}  // namespace

bool operator==(const Value& a, const Value& b) {
  if (a.index() != b.index()) return false;
  return std::visit([&]<typename T>(const T& value) { return equal(value, std::get<T>(b)); },
                    static_cast<const Value::variant&>(a));
}

}  // namespace h5dcp
