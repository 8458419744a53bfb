// How many bytes of tensors are alive, counted where torch allocates them.

#pragma once

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <atomic>
#include <cstdint>
#include <memory>

namespace trainer {

// Counts tensors of the thread that made it, from then on.
class TensorMemory {
 public:
  TensorMemory() : guard_(c10::DebugInfoKind::PROFILER_STATE, counter_) {}

  std::int64_t bytes() const { return counter_->bytes; }

 private:
  struct Counter : c10::MemoryReportingInfoBase {
    // `size` is negative for what is freed.
    void reportMemoryUsage(void* /*data*/, std::int64_t size, std::size_t /*allocated*/,
                           std::size_t /*reserved*/, c10::Device /*device*/) override {
      bytes += size;
    }
    bool memoryProfilingEnabled() const override { return true; }

    std::atomic<std::int64_t> bytes = 0;
  };

  std::shared_ptr<Counter> counter_ = std::make_shared<Counter>();
  c10::DebugInfoGuard guard_;
};

}  // namespace trainer
