#include "compare.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>
#include <limits>

#include "elements.hpp"

namespace tool {
namespace {

using h5dcp::DType;
using h5dcp::TensorView;

constexpr std::uint64_t kPieceBytes = std::uint64_t{8} << 20;
constexpr std::int64_t kComparedAtOnce = 1 << 16;

// |a - b| and the larger magnitude of the two, of elements of one wide dtype.
struct Distance {
  double difference;
  double magnitude;
};

template <class T>
Distance distance(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    const auto magnitude = [](T number) {
      const auto bits = static_cast<std::uint64_t>(number);
      return static_cast<double>(number < 0 ? 0 - bits : bits);
    };
    // Of the two's complement: the difference of any two fits 64 bits without a sign.
    const auto difference = a > b ? static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b)
                                  : static_cast<std::uint64_t>(b) - static_cast<std::uint64_t>(a);
    return {static_cast<double>(difference), std::max(magnitude(a), magnitude(b))};
  } else {
    if (a == b) return {0, std::abs(a)};
    return {std::abs(a - b), std::max(std::abs(a), std::abs(b))};
  }
}

template <class T>
bool is_nan(T number) {
  if constexpr (std::is_integral_v<T>) {
    return false;
  } else {
    return std::isnan(std::real(number)) || std::isnan(std::imag(number));
  }
}

// Differences in the order of their size: nan is larger than all others.
bool exceeds(double difference, const std::optional<Largest>& largest) {
  if (!largest) return true;
  if (std::isnan(largest->difference)) return false;
  return std::isnan(difference) || difference > largest->difference;
}

h5dcp::Extents index_in(const h5dcp::Box& box, std::int64_t element) {
  auto index = box.offsets;
  for (std::size_t d = box.dims(); d > 0; --d) {
    index[d - 1] += element % box.sizes[d - 1];
    element /= box.sizes[d - 1];
  }
  return index;
}

// A dtype in which both can be subtracted.
DType common(DType a, DType b) {
  const auto is_complex = [](DType wide) {
    return wide == DType::complex64 || wide == DType::complex128;
  };
  const auto left = widened(a);
  const auto right = widened(b);
  if (is_complex(left) || is_complex(right)) return DType::complex128;
  const auto is_integer = [](DType wide) { return wide == DType::int64 || wide == DType::uint64; };
  if (left == right && is_integer(left)) return left;
  return DType::float64;
}

class Comparer {
 public:
  Comparer(const h5dcp::StoredTensor& a, const h5dcp::StoredTensor& b, double tolerance)
      : a_(a), b_(b), tolerance_(tolerance), common_(common(a.dtype(), b.dtype())) {}

  void add(const h5dcp::Box& box) {
    const auto a = h5dcp::allocate(a_.dtype(), box.sizes);
    const auto b = h5dcp::allocate(b_.dtype(), box.sizes);
    a_.read(box, a);
    b_.read(box, b);
    const auto count = h5dcp::numel(box.sizes);
    found_.elements += count;
    if (a.dtype == b.dtype &&
        std::memcmp(a.data, b.data, static_cast<std::size_t>(h5dcp::nbytes(a.dtype, box.sizes))) ==
            0) {
      return;
    }
    for (std::int64_t first = 0; first < count; first += kComparedAtOnce) {
      const auto size = std::min(kComparedAtOnce, count - first);
      const auto left = part(a, first, size);
      const auto right = part(b, first, size);
      const auto in_common = [&](const TensorView& view) {
        auto made = h5dcp::allocate(common_, view.sizes);
        h5dcp::copy_elements(view, made);
        return made;
      };
      const Run run{box, first, size, left, right};
      switch (common_) {
        case DType::int64:
          look_at<std::int64_t>(run, in_common(left), in_common(right));
          break;
        case DType::uint64:
          look_at<std::uint64_t>(run, in_common(left), in_common(right));
          break;
        case DType::float64:
          look_at<double>(run, in_common(left), in_common(right));
          break;
        default:
          look_at<std::complex<double>>(run, in_common(left), in_common(right));
      }
    }
  }

  Comparison take() { return std::move(found_); }

 private:
  // Neighbouring elements of a box, as they are stored.
  struct Run {
    const h5dcp::Box& box;
    std::int64_t first;
    std::int64_t size;
    const TensorView& a;
    const TensorView& b;
  };

  static TensorView part(const TensorView& view, std::int64_t first, std::int64_t size) {
    auto* data = static_cast<std::byte*>(view.data) +
                 static_cast<std::size_t>(first) * h5dcp::itemsize(view.dtype);
    return h5dcp::contiguous_view(data, view.dtype, {size});
  }

  template <class T>
  void look_at(const Run& run, const TensorView& left, const TensorView& right) {
    for (std::int64_t i = 0; i < run.size; ++i) {
      const T a = static_cast<const T*>(left.data)[i];
      const T b = static_cast<const T*>(right.data)[i];
      if (a == b || (is_nan(a) && is_nan(b))) continue;
      auto [difference, magnitude] = distance(a, b);
      const double relative = difference / magnitude;  // not 0 / 0: they differ
      if (std::isfinite(difference) && (difference <= tolerance_ || relative <= tolerance_)) {
        continue;
      }
      ++found_.different;
      note(found_.absolute, difference, run, i);
      note(found_.relative, std::isinf(difference) ? difference : relative, run, i);
    }
  }

  static void note(std::optional<Largest>& largest, double difference, const Run& run,
                   std::int64_t i) {
    if (!exceeds(difference, largest)) return;
    largest = Largest{difference, index_in(run.box, run.first + i), text(run.a, i), text(run.b, i)};
  }

  static std::string text(const TensorView& view, std::int64_t i) {
    const auto wide = h5dcp::allocate(widened(view.dtype), {1});
    h5dcp::copy_elements(h5dcp::narrow(view, {{i}, {1}}), wide);
    std::string made;
    append_element(made, wide.dtype, static_cast<const std::byte*>(wide.data), Style::text);
    return made;
  }

  const h5dcp::StoredTensor& a_;
  const h5dcp::StoredTensor& b_;
  double tolerance_;
  DType common_;
  Comparison found_;
};

}  // namespace

Comparison compare(const h5dcp::StoredTensor& a, const h5dcp::StoredTensor& b, double tolerance,
                   const std::function<void(std::uint64_t)>& read) {
  Comparer comparer(a, b, tolerance);
  for (const auto& box : a.pieces(kPieceBytes)) {
    comparer.add(box);
    read(static_cast<std::uint64_t>(h5dcp::nbytes(a.dtype(), box.sizes)));
  }
  return comparer.take();
}

}  // namespace tool
