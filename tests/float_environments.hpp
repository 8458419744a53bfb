// Floating-point environments that a program may have set.

#pragma once

#include <cfenv>
#include <string>
#include <utility>
#include <vector>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace h5dcp::test {

// Holds while it lives; then the one before comes back.
class FloatEnvironment {
 public:
  explicit FloatEnvironment(void (*set)()) {
    std::fegetenv(&kept_);
    set();
  }
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;
  ~FloatEnvironment() { std::fesetenv(&kept_); }

 private:
  std::fenv_t kept_{};
};

inline std::vector<std::pair<std::string, void (*)()>> float_environments() {
  return {
    {"upward", [] { std::fesetround(FE_UPWARD); }},
        {"downward", [] { std::fesetround(FE_DOWNWARD); }},
        {"toward zero", [] { std::fesetround(FE_TOWARDZERO); }},
#if defined(__SSE2__)
        {"flush to zero, denormals are zero", [] { _mm_setcsr(_mm_getcsr() | 0x8040U); }},
#endif
  };
}

}  // namespace h5dcp::test
