#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>

#include "base/convert.hpp"
#include "base/float_environment.hpp"
#include "h5dcp/error.hpp"
#include "h5dcp/tensor.hpp"

namespace h5dcp {
namespace {

// One loop of the copy: `count` steps, each so many bytes further in the source and in the target.
struct Loop {
  std::int64_t count;
  std::ptrdiff_t from_bytes;
  std::ptrdiff_t to_bytes;
};

// The loops, outermost first.
struct Loops {
  std::array<Loop, Extents::kMaxDims> loop;
  std::size_t size = 0;

  Loop& inner() { return loop[size - 1]; }
  std::span<const Loop> all() const { return {loop.data(), size}; }
};

std::ptrdiff_t bytes(std::int64_t elements, DType dtype) {
  return elements * static_cast<std::ptrdiff_t>(itemsize(dtype));
}

// As few and as long loops as visit every element, so that the target is written forwards.
Loops plan_loops(const TensorView& from, const TensorView& to) {
  Loops dims;
  for (std::size_t d = 0; d < to.sizes.size(); ++d) {
    if (to.sizes[d] == 1) continue;
    dims.loop[dims.size++] = {to.sizes[d], bytes(from.strides[d], from.dtype),
                              bytes(to.strides[d], to.dtype)};
  }
  std::stable_sort(
      dims.loop.begin(), dims.loop.begin() + static_cast<std::ptrdiff_t>(dims.size),
      [](const Loop& a, const Loop& b) { return std::abs(a.to_bytes) > std::abs(b.to_bytes); });
  Loops merged;
  for (const auto& dim : dims.all()) {
    if (merged.size > 0 && merged.inner().from_bytes == dim.count * dim.from_bytes &&
        merged.inner().to_bytes == dim.count * dim.to_bytes) {
      merged.inner() = {merged.inner().count * dim.count, dim.from_bytes, dim.to_bytes};
    } else {
      merged.loop[merged.size++] = dim;
    }
  }
  if (merged.size == 0) {  // one element
    merged.loop[merged.size++] = {1, bytes(1, from.dtype), bytes(1, to.dtype)};
  }
  return merged;
}

// Calls run(inner loop, from, to) where each innermost loop starts.
template <typename F>
void walk(std::span<const Loop> loops, const std::byte* from, std::byte* to, const F& run) {
  if (loops.size() == 1) return run(loops.front(), from, to);
  const Loop& outer = loops.front();
  for (std::int64_t i = 0; i < outer.count; ++i) {
    walk(loops.subspan(1), from + i * outer.from_bytes, to + i * outer.to_bytes, run);
  }
}

// Elements of Width bytes, one by one.
template <std::size_t Width>
void copy_apart(std::span<const Loop> loops, const std::byte* from, std::byte* to) {
  walk(loops, from, to, [](const Loop& loop, const std::byte* source, std::byte* target) {
    for (std::int64_t i = 0; i < loop.count; ++i) {
      std::memcpy(target + i * loop.to_bytes, source + i * loop.from_bytes, Width);
    }
  });
}

// So many elements that much of a cache line of the source is used at once, and so few that their
// lines of the target, often as far apart as the cache is long, stay in it.
constexpr std::int64_t kStrip = 8;

// As copy_apart, of a transposition: source and target run along different dimensions. Cuts the
// loop along the source into strips, which become the innermost.
template <std::size_t Width>
void copy_transposed(std::span<const Loop> loops, const std::byte* from, std::byte* to) {
  const Loop inner = loops.back();
  walk(loops.first(loops.size() - 1), from, to,
       [&](const Loop& outer, const std::byte* source, std::byte* target) {
         for (std::int64_t i = 0; i < outer.count; i += kStrip) {
           const std::array<Loop, 2> strip = {
               inner, {std::min(kStrip, outer.count - i), outer.from_bytes, outer.to_bytes}};
           copy_apart<Width>(strip, source + i * outer.from_bytes, target + i * outer.to_bytes);
         }
       });
}

// Puts the outer loop with the shortest steps through the source next to the innermost. Whether it
// takes shorter ones than that.
bool transposes(Loops& loops) {
  if (loops.size < 2) return false;
  const auto inner = loops.loop.begin() + static_cast<std::ptrdiff_t>(loops.size) - 1;
  const auto shortest = std::min_element(
      loops.loop.begin(), inner,
      [](const Loop& a, const Loop& b) { return std::abs(a.from_bytes) < std::abs(b.from_bytes); });
  if (std::abs(shortest->from_bytes) >= std::abs(inner->from_bytes)) return false;
  std::rotate(shortest, shortest + 1, inner);
  return true;
}

// Copies what needs no conversion: elements of `width` bytes.
void copy_same(Loops loops, std::size_t width, const std::byte* from, std::byte* to) {
  const auto together = [&] {
    const auto step = static_cast<std::ptrdiff_t>(width);
    return loops.inner().from_bytes == step && loops.inner().to_bytes == step;
  };
  // A short run is one wide element, which costs no call.
  while (loops.size > 1 && together()) {
    const auto run = static_cast<std::size_t>(loops.inner().count) * width;
    if (run != 2 && run != 4 && run != 8 && run != 16) break;
    width = run;
    --loops.size;
  }
  if (together()) {
    return walk(loops.all(), from, to,
                [&](const Loop& loop, const std::byte* source, std::byte* target) {
                  std::memcpy(target, source, static_cast<std::size_t>(loop.count) * width);
                });
  }
  const bool transposed = transposes(loops);
  const auto copy = [&]<std::size_t Width>(std::integral_constant<std::size_t, Width>) {
    transposed ? copy_transposed<Width>(loops.all(), from, to)
               : copy_apart<Width>(loops.all(), from, to);
  };
  switch (width) {
    case 1:
      return copy(std::integral_constant<std::size_t, 1>());
    case 2:
      return copy(std::integral_constant<std::size_t, 2>());
    case 4:
      return copy(std::integral_constant<std::size_t, 4>());
    case 8:
      return copy(std::integral_constant<std::size_t, 8>());
    default:
      return copy(std::integral_constant<std::size_t, 16>());
  }
}

std::string describe(const TensorView& view) {
  return to_string(view.sizes) + " " + std::string(to_string(view.dtype));
}

void check(const TensorView& from, const TensorView& to) {
  const auto refuse = [&](ErrorCode code, const std::string& why) {
    throw Error(code, "copy " + describe(from) + " to " + describe(to) + ": " + why);
  };
  if (from.sizes != to.sizes) refuse(ErrorCode::invalid_argument, "the sizes differ");
  if (!can_convert(from.dtype, to.dtype)) {
    refuse(ErrorCode::unsupported, to.dtype == DType::float8_e8m0fnu
                                       ? "nothing else becomes float8_e8m0fnu"
                                       : "the imaginary part would be lost");
  }
  for (std::size_t d = 0; d < to.sizes.size(); ++d) {
    if (to.sizes[d] > 1 && to.strides[d] == 0) {
      refuse(ErrorCode::invalid_argument, "dimension " + std::to_string(d) +
                                              " of the target is expanded: one element would be "
                                              "written several times");
    }
  }
}

}  // namespace

void copy_elements(const TensorView& from, const TensorView& to) {
  check(from, to);
  if (numel(to.sizes) == 0) return;
  const auto* const source = static_cast<const std::byte*>(from.data);
  auto* const target = static_cast<std::byte*>(to.data);
  const Loops loops = plan_loops(from, to);
  if (from.dtype == to.dtype) return copy_same(loops, itemsize(to.dtype), source, target);
  const DefaultFloatEnvironment rounds_to_nearest;
  walk(loops.all(), source, target, [&](const Loop& loop, const std::byte* in, std::byte* out) {
    convert(from.dtype, {in, loop.from_bytes}, to.dtype, {out, loop.to_bytes},
            static_cast<std::size_t>(loop.count));
  });
}

}  // namespace h5dcp
