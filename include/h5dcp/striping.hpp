// How Lustre spreads a file over its storage targets.

#pragma once

#include <cstdint>

namespace h5dcp {

struct Striping {
  int count = 0;            // over so many targets, at most 2000; -1: all; 0: as its folder says
  std::uint64_t bytes = 0;  // of a stripe, a multiple of 64 KiB below 4 GiB; 0: as its folder says

  bool operator==(const Striping&) const = default;
};

}  // namespace h5dcp
