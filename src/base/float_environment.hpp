// The floating-point environment in which stored numbers are written, read and converted.

#pragma once

#include <cfenv>

namespace h5dcp {

// Gives the calling thread the default floating-point environment while this object lives: rounding
// to nearest, subnormal numbers kept, no traps. Then the program's own comes back, with its flags.
//
// A program may round upward or flush subnormal numbers to zero. What it saves and loads must be
// the same numbers nevertheless.
class DefaultFloatEnvironment {
 public:
  DefaultFloatEnvironment() {
    std::feholdexcept(&kept_);
    std::fesetenv(FE_DFL_ENV);
  }
  DefaultFloatEnvironment(const DefaultFloatEnvironment&) = delete;
  DefaultFloatEnvironment& operator=(const DefaultFloatEnvironment&) = delete;
  ~DefaultFloatEnvironment() { std::fesetenv(&kept_); }

 private:
  std::fenv_t kept_{};
};

}  // namespace h5dcp
