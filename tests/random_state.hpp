// State dicts drawn at random: what all ranks hold together, and each rank's share of it. Elements
// are known from their places (sample_state.hpp), so whoever holds a box can check it.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/whole_box.hpp"
#include "sample_state.hpp"

namespace h5dcp::test {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  std::uint64_t bits() { return random_(); }
  // A number of [low, high].
  template <class Number>
  Number between(Number low, Number high) {
    std::uniform_int_distribution<std::int64_t> any(static_cast<std::int64_t>(low),
                                                    static_cast<std::int64_t>(high));
    return static_cast<Number>(any(random_));
  }
  bool one_in(int n) { return between(1, n) == 1; }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[between<std::size_t>(0, from.size() - 1)];
  }

 private:
  std::mt19937_64 random_;
};

// A box of a tensor and the ranks that hold it, ascending.
struct HeldBox {
  Box box;
  std::vector<int> ranks;
};

struct RandomTensor {
  std::string fqn;
  std::string content;  // the name that decides about the elements: another tensor's if tied to it
  DType dtype = DType::float32;
  Extents sizes;
  std::vector<HeldBox> boxes;  // tile the tensor
};

struct RandomState {
  std::vector<RandomTensor> tensors;
  StateDict values;  // plain ones, the same on all ranks
};

// Up to 7 dimensions, a few of them without elements; some tensors have a few MiB.
inline Extents draw_sizes(Dice& dice) {
  const auto dims = dice.between<std::size_t>(0, 7);
  std::vector<std::int64_t> sizes(dims, 1);
  std::int64_t room = dice.one_in(8) ? 600'000 : 4'000;
  for (auto& size : sizes) {
    size = dice.one_in(30) ? 0 : dice.between<std::int64_t>(1, std::min<std::int64_t>(room, 700));
    room /= std::max<std::int64_t>(size, 1);
  }
  std::shuffle(sizes.begin(), sizes.end(), std::minstd_rand(static_cast<unsigned>(dice.bits())));
  return Extents(sizes);
}

// Cuts a box again and again, each part where it likes.
inline void guillotine(Dice& dice, const Box& box, int cuts, std::vector<Box>& parts) {
  const auto dims = box.dims();
  const auto dim = dims == 0 ? 0 : dice.between<std::size_t>(0, dims - 1);
  if (cuts == 0 || dims == 0 || box.sizes[dim] < 2) {
    parts.push_back(box);
    return;
  }
  const auto at = dice.between<std::int64_t>(1, box.sizes[dim] - 1);
  Box low = box;
  low.sizes[dim] = at;
  Box high = box;
  high.offsets[dim] += at;
  high.sizes[dim] -= at;
  guillotine(dice, low, cuts - 1, parts);
  guillotine(dice, high, dice.between(0, cuts - 1), parts);
}

// Rows of about equal height, as most programs shard.
inline std::vector<Box> rows(const Extents& sizes, int parts) {
  std::vector<Box> boxes;
  for (std::int64_t i = 0; i < parts; ++i) {
    Box box = whole_box(sizes);
    box.offsets[0] = sizes[0] * i / parts;
    box.sizes[0] = sizes[0] * (i + 1) / parts - box.offsets[0];
    if (box.sizes[0] > 0) boxes.push_back(box);
  }
  return boxes.empty() ? std::vector<Box>{whole_box(sizes)} : boxes;
}

// Ranks of [0, size), at least `least`.
inline std::vector<int> draw_ranks(Dice& dice, int size, int least) {
  std::vector<int> ranks;
  for (int rank = 0; rank < size; ++rank) {
    if (dice.one_in(3)) ranks.push_back(rank);
  }
  if (static_cast<int>(ranks.size()) < least) ranks = {dice.between(0, size - 1)};
  return ranks;
}

// Who holds which boxes of a tensor. Each box has at least so many ranks: 1 of what is saved.
inline std::vector<HeldBox> distribute(Dice& dice, const Extents& sizes, int size, int least) {
  std::vector<HeldBox> held;
  if (sizes.empty() || dice.one_in(4)) {  // whole, on one rank, some or all
    std::vector<int> all(static_cast<std::size_t>(size));
    std::iota(all.begin(), all.end(), 0);
    held.push_back({whole_box(sizes), dice.one_in(2) ? all : draw_ranks(dice, size, least)});
    return held;
  }
  std::vector<Box> boxes;
  if (dice.one_in(2)) {
    boxes = rows(sizes, size);
  } else {
    guillotine(dice, whole_box(sizes), dice.between(0, 4), boxes);
  }
  const bool replicated = dice.one_in(3);
  int next = 0;
  for (auto& box : boxes) {
    const std::vector<int> one{next++ % size};
    held.push_back(
        {std::move(box), replicated || least == 0 ? draw_ranks(dice, size, least) : one});
  }
  return held;
}

inline Value draw_value(Dice& dice) {
  switch (dice.between(0, 7)) {
    case 0:
      return static_cast<std::int64_t>(dice.bits());
    case 1:
      return dice.one_in(2);
    case 2:
      return std::ldexp(static_cast<double>(dice.bits()), dice.between(-1100, 900));
    case 3:
      return std::string(dice.between<std::size_t>(0, 5000), 'x');
    case 4: {
      Bytes bytes(dice.between<std::size_t>(0, 300));
      for (auto& byte : bytes) byte = static_cast<std::uint8_t>(dice.bits());
      return bytes;
    }
    case 5:
      return List{1, 2, static_cast<std::int64_t>(dice.bits())};
    case 6:
      return List{1, "two", Value(), std::complex<double>(1, -0.0)};
    default:
      return Map{{"a", 1}, {"b", List{}}, {"c", Map{{"d", 0.1}}}};
  }
}

inline RandomState draw_state(Dice& dice, int size) {
  // Names that continue each other, and what HDF5 takes for something else.
  const std::vector<std::string> names{"w",
                                       "w.bias",
                                       "w.bias.x",
                                       "model.layers.0.weight",
                                       "a/b",
                                       "%self",
                                       "..",
                                       "caf\xC3\xA9",
                                       "model.layers.0",
                                       "x",
                                       "opt.state.0.exp_avg",
                                       "opt.state.1"};
  RandomState state;
  const auto count = dice.between<std::size_t>(1, names.size());
  for (std::size_t i = 0; i < count; ++i) {
    RandomTensor tensor;
    if (!state.tensors.empty() && dice.one_in(6)) {
      tensor = dice.pick(state.tensors);  // tied
      tensor.fqn = names[i];
    } else {
      const auto sizes = draw_sizes(dice);
      tensor = {names[i], names[i], DType{dice.between<std::uint8_t>(0, kDTypes - 1)}, sizes,
                distribute(dice, sizes, size, 1)};
    }
    state.tensors.push_back(std::move(tensor));
  }
  for (int i = dice.between(0, 5); i > 0; --i) {
    state.values["value" + std::to_string(i)] = draw_value(dice);
  }
  return state;
}

// Memory for a box: dimensions in any order in it, some backwards, some with gaps.
inline TensorView draw_memory(Dice& dice, DType dtype, const Extents& sizes) {
  const auto dims = sizes.size();
  std::vector<std::size_t> order(dims);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const bool plain = dice.one_in(2);
  if (!plain) {
    std::shuffle(order.begin(), order.end(), std::minstd_rand(static_cast<unsigned>(dice.bits())));
  }
  std::vector<std::int64_t> strides(dims);
  std::int64_t total = 1;
  std::int64_t first = 0;
  for (std::size_t next = dims; next > 0; --next) {
    const auto d = order[next - 1];
    const auto rows = std::max<std::int64_t>(sizes[d], 1);
    strides[d] = total;
    if (!plain && dice.one_in(4)) {
      first += (rows - 1) * total;
      strides[d] = -total;
    }
    total *= rows;
    if (!plain && dice.one_in(5)) total += dice.between(1, 3);
  }
  TensorView view = allocate(dtype, {total});
  view.data = static_cast<char*>(view.data) + first * static_cast<std::int64_t>(itemsize(dtype));
  view.sizes = sizes;
  view.strides = Extents(strides);
  return view;
}

// What `rank` holds of a tensor, in new memory; a tensor that it holds whole may be no shards.
inline Value share_of(Dice& dice, const RandomTensor& tensor, const std::vector<HeldBox>& boxes,
                      int rank) {
  ShardedTensor share{tensor.dtype, tensor.sizes, {}};
  for (const auto& [box, ranks] : boxes) {
    if (!std::ranges::binary_search(ranks, rank)) continue;
    share.shards.push_back({box, draw_memory(dice, tensor.dtype, box.sizes)});
  }
  if (boxes.size() == 1 && share.shards.size() == 1 && dice.one_in(2)) return share.shards[0].view;
  return share;
}

// A value of share_of() as shards.
inline ShardedTensor as_sharded(const Value& share) {
  if (const auto* sharded = std::get_if<ShardedTensor>(&share)) return *sharded;
  const auto& view = std::get<TensorView>(share);
  return {view.dtype, view.sizes, {{whole_box(view.sizes), view}}};
}

}  // namespace h5dcp::test
