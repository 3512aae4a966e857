#pragma once

/// Uniform quantization and the straight-through gradient with respect to values and step, one pass over memory each.
///
///     y = step * round(clamp(x / step, low, high))
///     dx = dy where low <= x/step <= high, else 0
///     dstep = sum of dy * (inside ? code - x/step : code)          (LSQ, Esser et al. 2020, eq. 3)
///
/// x / step is a division in double for weights (half-even, sign), so that the float network and its double twin
/// derive the same codes; activations are numerous and multiply by 1/step in their own precision.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/code_bytes.hpp"
#include "bitgrain/kernels/f32/convert_lanes.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// How a real number v = x / step becomes a code.
enum class Rounding : std::uint8_t {
  kHalfUp,    ///< floor(v + 1/2): activations
  kHalfEven,  ///< nearest, ties to even: weights
  kSign,      ///< +1 for v >= 0, else -1: one-bit weights
};

/// Clip to [low, high], then round.
struct QuantizeRule {
  std::int32_t low = 0, high = 255;
  Rounding rounding = Rounding::kHalfUp;
};

namespace detail {
inline constexpr std::int64_t kQuantizeGrain = 1 << 15;

// Calls body(begin, end) in parallel chunks and adds what they return in chunk order.
template <class Body>
double sum_of_chunks(std::int64_t n, Body&& body) {
  const std::int64_t chunks = (n + kQuantizeGrain - 1) / kQuantizeGrain;
  std::vector<double> partial(static_cast<std::size_t>(chunks));
  parallel_for(n, kQuantizeGrain, [&](std::int64_t begin, std::int64_t end) {
    partial[static_cast<std::size_t>(begin / kQuantizeGrain)] = body(begin, end);
  });
  double sum = 0;
  for (const double p : partial) sum += p;
  return sum;
}

// One element of the exact path: v = x / step in double.
struct ExactCode {
  double v, code;
  bool inside;
};
inline ExactCode exact_code(double x, double step, const QuantizeRule& rule) {
  const double v = x / step;
  const bool inside = v >= rule.low && v <= rule.high;
  const double clipped = v < rule.low ? rule.low : v > rule.high ? rule.high : v;
  switch (rule.rounding) {
    case Rounding::kHalfUp:
      return {v, std::floor(clipped + 0.5), inside};
    case Rounding::kHalfEven:
      return {v, std::nearbyint(clipped), inside};
    default:
      return {v, clipped >= 0 ? 1.0 : -1.0, inside};
  }
}

// exact_code in vectors of double, for the two roundings that weights take.
template <class V>
struct ExactLanes {
  V v, code;
  ExactLanes(const V& x, const V& step, const QuantizeRule& rule) : v(x / step) {
    const V clipped = min(max(v, V(rule.low)), V(rule.high));
    code = rule.rounding == Rounding::kHalfEven ? nearbyint(clipped) : select(clipped >= V(0.0), V(1.0), V(-1.0));
  }
};
}  // namespace detail

/// bytes[i] = the code of x[i], as activations round (half up), + zero_point, which must lie in 0 .. 255.
template <class T, class Arch = DefaultArch>
void quantize_to_bytes(std::int64_t n, const T* x, std::type_identity_t<T> step, const QuantizeRule& rule,
                       std::int32_t zero_point, std::uint8_t* bytes) {
  using V = Vec<T, Arch>;
  detail::for_each_vector<V>(
      n, [=, low = V(static_cast<T>(rule.low)), high = V(static_cast<T>(rule.high)), half = V(T{0.5}),
          r = V(T{1} / step), zero = V(static_cast<T>(zero_point))](std::int64_t i, auto count) {
        const V v = min(max(load_lanes<V>(x + i, count) * r, low), high);
        store_bytes(bytes + i, count, floor(v + half) + zero);
      });
}

/// y[i] = step * code of x[i]. `step` > 0.
template <class T, class Arch = DefaultArch>
void quantize_forward(std::int64_t n, const T* x, T step, const QuantizeRule& rule, T* y) {
  using Batch = Vec<T, Arch>;
  constexpr std::int64_t kWidth = kLanes<T, Arch>;
  parallel_for(n, detail::kQuantizeGrain, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t i = begin;
    if (rule.rounding == Rounding::kHalfUp) {
      const T inverse = T{1} / step;
      const Batch low(static_cast<T>(rule.low)), high(static_cast<T>(rule.high)), half(T{0.5}), s(step), r(inverse);
      for (; i + kWidth <= end; i += kWidth) {
        const Batch v = min(max(Batch::load_unaligned(x + i) * r, low), high);
        (s * floor(v + half)).store_unaligned(y + i);
      }
      for (; i < end; ++i) {
        const T v = std::min(std::max(x[i] * inverse, static_cast<T>(rule.low)), static_cast<T>(rule.high));
        y[i] = step * std::floor(v + T{0.5});
      }
    } else {
      using Wide = Vec<double, Arch>;
      const Wide s(static_cast<double>(step));
      // A code has few bits, so code * step is exact in double and rounded once, as the product in T is.
      for (; i < end; i += kLanes<double, Arch>) {
        const std::int64_t count = std::min(kLanes<double, Arch>, end - i);
        store_converted(y + i, count, s * detail::ExactLanes<Wide>(load_converted<Wide>(x + i, count), s, rule).code);
      }
    }
  });
}

/// dx[i] and, as the return value, dL/dstep (before LSQ's gradient scale). Adds in a fixed order. dx may be dy.
template <class T, class Arch = DefaultArch>
double quantize_backward(std::int64_t n, const T* x, const T* dy, T step, const QuantizeRule& rule, T* dx) {
  using Batch = Vec<T, Arch>;
  constexpr std::int64_t kWidth = kLanes<T, Arch>;
  return detail::sum_of_chunks(n, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t i = begin;
    double dstep = 0;
    if (rule.rounding == Rounding::kHalfUp) {
      const T inverse = T{1} / step;
      const Batch low(static_cast<T>(rule.low)), high(static_cast<T>(rule.high)), half(T{0.5}), r(inverse),
          zero(T{0});
      // Short runs in single precision, gathered in double: the sum of a chunk loses nothing that matters.
      constexpr std::int64_t kRun = 64 * kWidth;
      while (i + kWidth <= end) {
        Batch sum(T{0});
        const std::int64_t stop = std::min(end - kWidth + 1, i + kRun);
        for (; i < stop; i += kWidth) {
          const Batch v = Batch::load_unaligned(x + i) * r;
          const Batch g = Batch::load_unaligned(dy + i);
          const Batch clipped = min(max(v, low), high);
          const auto inside = (v >= low) && (v <= high);
          const Batch code = floor(clipped + half);
          select(inside, g, zero).store_unaligned(dx + i);
          sum = sum + g * (code - select(inside, v, zero));
        }
        dstep += static_cast<double>(horizontal_sum(sum));
      }
      for (; i < end; ++i) {
        const T v = x[i] * inverse;
        const bool inside = v >= static_cast<T>(rule.low) && v <= static_cast<T>(rule.high);
        const T clipped = std::min(std::max(v, static_cast<T>(rule.low)), static_cast<T>(rule.high));
        const T code = std::floor(clipped + T{0.5});
        const T g = dy[i];
        dx[i] = inside ? g : T{0};
        dstep += static_cast<double>(g * (code - (inside ? v : T{0})));
      }
    } else {
      using Wide = Vec<double, Arch>;
      const Wide s(static_cast<double>(step)), low(rule.low), high(rule.high), zero(0.0);
      Wide sum(0.0);
      for (; i < end; i += kLanes<double, Arch>) {
        const std::int64_t count = std::min(kLanes<double, Arch>, end - i);
        const detail::ExactLanes<Wide> e(load_converted<Wide>(x + i, count), s, rule);
        const Wide g = load_converted<Wide>(dy + i, count);  // 0 in lanes that do not exist
        const auto inside = (e.v >= low) && (e.v <= high);
        store_converted(dx + i, count, select(inside, g, zero));
        sum = sum + g * (e.code - select(inside, e.v, zero));
      }
      dstep = horizontal_sum(sum);
    }
    return dstep;
  });
}

}  // namespace bitgrain::kernels
