#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "bitgrain/kernels/f32/quantize.hpp"

namespace bitgrain::kernels::reference {

/// The readable oracle of kernels::quantize_forward: y = step * code(x / step).
template <class T>
void quantize_forward(std::int64_t n, const T* x, T step, const QuantizeRule& rule, T* y) {
  for (std::int64_t i = 0; i < n; ++i) {
    const T v = std::clamp(x[i] / step, static_cast<T>(rule.low), static_cast<T>(rule.high));
    T code = v;
    switch (rule.rounding) {
      case Rounding::kHalfUp:
        code = std::floor(v + T{0.5});
        break;
      case Rounding::kHalfEven:
        code = std::nearbyint(v);
        break;
      case Rounding::kSign:
        code = v >= 0 ? T{1} : T{-1};
        break;
    }
    y[i] = step * code;
  }
}

/// The readable oracle of kernels::quantize_backward. Returns dL/dstep.
template <class T>
double quantize_backward(std::int64_t n, const T* x, const T* dy, T step, const QuantizeRule& rule, T* dx) {
  double dstep = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const T v = x[i] / step;
    const bool inside = v >= static_cast<T>(rule.low) && v <= static_cast<T>(rule.high);
    T y = 0;
    reference::quantize_forward<T>(1, x + i, step, rule, &y);
    const T code = std::nearbyint(y / step);
    dx[i] = inside ? dy[i] : T{0};
    dstep += static_cast<double>(dy[i] * (inside ? code - v : code));
  }
  return dstep;
}

}  // namespace bitgrain::kernels::reference
