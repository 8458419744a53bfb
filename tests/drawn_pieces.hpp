// Datasets of random shapes, cut at random places into boxes of random ranks, and bytes that are
// known from their addresses.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "layout/runs.hpp"
#include "transfer/engine.hpp"

namespace h5dcp::test {

// A dataset, and which rank has which boxes of it.
struct Drawn {
  Target target;
  std::vector<Box> boxes;
  std::vector<int> ranks;
};

inline std::uint64_t bytes_of(const Target& target) {
  return static_cast<std::uint64_t>(numel(target.sizes)) * target.itemsize;
}

// The byte of the file at an address: no two neighbours alike, and none 0.
inline std::uint8_t byte_at(std::uint64_t address) {
  return static_cast<std::uint8_t>(1 + address * 7 % 251);
}

// Datasets that all ranks draw alike.
class Draw {
 public:
  Draw(unsigned seed, int ranks) : random_(seed), ranks_(ranks) {}

  std::vector<Drawn> datasets(bool large) {
    std::vector<Drawn> all;
    std::uint64_t address = 4096 + below(5000);
    const auto count = 1 + below(large ? 3 : 40);
    for (std::uint64_t number = 0; number < count; ++number) {
      Drawn drawn;
      drawn.target = {number, address, std::size_t{1} << below(4), {}};
      const auto dims = below(4);
      std::vector<std::int64_t> sizes;
      for (std::uint64_t d = 0; d < dims; ++d) {
        sizes.push_back(static_cast<std::int64_t>(below(large ? 160 : 12)));
      }
      drawn.target.sizes = Extents(sizes);
      cut({Extents(std::vector<std::int64_t>(dims, 0)), drawn.target.sizes}, drawn);
      address += bytes_of(drawn.target) + (below(2) == 0 ? 0 : below(9000));
      all.push_back(std::move(drawn));
    }
    return all;
  }

  std::uint64_t below(std::uint64_t limit) {
    return limit == 0 ? 0 : std::uniform_int_distribution<std::uint64_t>(0, limit - 1)(random_);
  }

 private:
  // Into boxes that tile it, each of some rank.
  void cut(const Box& box, Drawn& drawn) {
    const auto dims = box.dims();
    const auto dim = below(std::max<std::size_t>(dims, 1));
    if (dims == 0 || box.sizes[dim] < 2 || below(4) == 0) {
      drawn.boxes.push_back(box);
      drawn.ranks.push_back(static_cast<int>(below(static_cast<std::uint64_t>(ranks_))));
      return;
    }
    const auto at =
        1 + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(box.sizes[dim] - 1)));
    Box low = box;
    low.sizes[dim] = at;
    Box high = box;
    high.offsets[dim] += at;
    high.sizes[dim] -= at;
    cut(low, drawn);
    cut(high, drawn);
  }

  std::mt19937 random_;
  int ranks_;
};

// The elements of a box as they should be, packed.
inline std::vector<std::uint8_t> expected(const Target& target, const Box& box) {
  std::vector<std::uint8_t> packed;
  for (RunWalk walk(target.sizes, box, target.itemsize); !walk.at_end(); walk.next()) {
    for (std::uint64_t i = 0; i < walk.nbytes(); ++i) {
      packed.push_back(byte_at(target.address + walk.offset() + i));
    }
  }
  return packed;
}

}  // namespace h5dcp::test
