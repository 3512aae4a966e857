#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "bitgrain/kernels/f32/quantize.hpp"
#include "bitgrain/kernels/reference/batch_norm.hpp"

namespace bitgrain::kernels::reference {

/// v = ((x - mean) inv_std gamma + beta + residual) / step, in double: what kernels::batch_norm_quantize_forward
/// clamps to the codes and rounds half up. `residual` may be null.
template <class T>
std::vector<double> batch_norm_over_step(std::int64_t rows, std::int64_t channels, const T* x, const T* mean,
                                         const T* inv_std, const T* gamma, const T* beta, const T* residual, T step) {
  std::vector<double> v(static_cast<std::size_t>(rows * channels));
  for (std::int64_t i = 0; i < rows * channels; ++i) {
    const std::int64_t c = i % channels;
    const double normalised =
        (double{x[i]} - double{mean[c]}) * double{inv_std[c]} * double{gamma[c]} + double{beta[c]};
    v[static_cast<std::size_t>(i)] = (normalised + (residual ? double{residual[i]} : 0.0)) / double{step};
  }
  return v;
}

/// The readable oracle of kernels::batch_norm_quantize_backward, from the v above. Returns dL/dstep.
template <class T>
double batch_norm_quantize_backward(std::int64_t rows, std::int64_t channels, const std::vector<double>& v,
                                    const T* x, const T* dy, const T* mean, const T* inv_std, const T* gamma,
                                    const QuantizeRule& rule, T* dresidual, T* dx, T* dgamma, T* dbeta) {
  double dstep = 0;
  for (std::int64_t i = 0; i < rows * channels; ++i) {
    const double u = v[static_cast<std::size_t>(i)], low = rule.low, high = rule.high;
    const bool inside = u >= low && u <= high;
    dresidual[i] = inside ? dy[i] : T{0};
    dstep += double{dy[i]} * (std::floor(std::clamp(u, low, high) + 0.5) - (inside ? u : 0.0));
  }
  batch_norm_backward(rows, channels, x, static_cast<const T*>(dresidual), mean, inv_std, gamma, dx, dgamma, dbeta);
  return dstep;
}

}  // namespace bitgrain::kernels::reference
