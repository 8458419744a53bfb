// The learning rate: up in a line, then down along a cosine.

#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace trainer {

struct Schedule {
  std::int64_t step = 0;  // steps done
  std::int64_t warmup_steps = 5;
  std::int64_t decay_steps = 200;  // after the warm-up
  double peak_rate = 3e-3;
  double final_rate = 3e-4;

  // Of the next step.
  double rate() const {
    if (step < warmup_steps) {
      return peak_rate * static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
    }
    const double done = static_cast<double>(step - warmup_steps) / static_cast<double>(decay_steps);
    if (done >= 1) return final_rate;
    return final_rate + (peak_rate - final_rate) * (1 + std::cos(std::numbers::pi * done)) / 2;
  }
};

}  // namespace trainer
