#include "heap_use.hpp"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

namespace {

std::size_t now = 0;
std::size_t peak = 0;

}  // namespace

namespace bench {

std::size_t allocated_bytes() {
  return now;
}

std::size_t take_peak() {
  return std::exchange(peak, now);
}

}  // namespace bench

// What new[] and the others do by default ends here.
void* operator new(std::size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  now += malloc_usable_size(memory);
  peak = std::max(peak, now);
  return memory;
}

// A sanitizer's own would not end there.
void* operator new(std::size_t size, const std::nothrow_t& /*nothrow*/) noexcept {
  try {
    return operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void operator delete(void* memory) noexcept {
  now -= malloc_usable_size(memory);
  std::free(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
  operator delete(memory);
}
