#pragma once

/// Batch normalisation and the ReLU behind it, with a residual added between the two or not, of [rows, channels]:
///
///     y = max((x - mean) inv_std gamma + beta + residual, 0)
///
/// in one pass forward and two passes backward. The normalised values themselves are never written.

#include <cstdint>
#include <type_traits>

#include "bitgrain/kernels/f32/batch_norm.hpp"

namespace bitgrain::kernels {

/// The forward pass. Null `gamma` is 1, null `beta` 0, null `residual` 0. NaN stays NaN. y may be x or `residual`.
template <class T, class Arch = DefaultArch>
void batch_norm_relu_forward(std::int64_t rows, std::int64_t channels, const T* x, const T* mean, const T* inv_std,
                             std::type_identity_t<const T*> gamma, std::type_identity_t<const T*> beta,
                             std::type_identity_t<const T*> residual, T* y) {
  using V = Vec<T, Arch>;
  const detail::NormFactors<T> f(channels, inv_std, gamma, beta);
  const auto pass = [&](auto with_residual) {
    for_each_row<T, Arch>(rows, channels, [=, factors = f.factor, shifts = f.shift](std::int64_t c, auto count) {
      return [=, center = load_lanes<V>(mean + c, count), factor = load_lanes<V>(factors + c, count),
              shift = load_lanes<V>(shifts + c, count)](std::int64_t r) {
        const std::int64_t i = r * channels + c;
        V v = multiply_add(load_lanes<V>(x + i, count) - center, factor, shift);
        if constexpr (with_residual) v += load_lanes<V>(residual + i, count);
        store_lanes(y + i, count, max(V(T(0)), v));  // of a NaN and 0, x86 gives the second
      };
    });
  };
  if (residual)
    pass(std::true_type());
  else
    pass(std::false_type());
}

/// The gradient without a residual; formulas as for batch_norm_backward, with dy masked by y > 0. The sign of y is
/// computed from x again, by the expression of the forward pass, so y itself is not read. dx may be dy; `dgamma` and
/// `dbeta` may be null.
template <class T, class Arch = DefaultArch>
void batch_norm_relu_backward(std::int64_t rows, std::int64_t channels, const T* x, const T* dy, const T* mean,
                              const T* inv_std, std::type_identity_t<const T*> gamma,
                              std::type_identity_t<const T*> beta, T* dx, std::type_identity_t<T*> dgamma,
                              std::type_identity_t<T*> dbeta) {
  using V = Vec<T, Arch>;
  const detail::NormFactors<T> f(channels, inv_std, gamma, beta);
  const auto gradient = [=, factors = f.factor, shifts = f.shift](std::int64_t c, auto count) {
    return [=, center = load_lanes<V>(mean + c, count), factor = load_lanes<V>(factors + c, count),
            shift = load_lanes<V>(shifts + c, count)](std::int64_t r) {
      const std::int64_t i = r * channels + c;
      const V v = multiply_add(load_lanes<V>(x + i, count) - center, factor, shift);
      return select(v > V(T(0)), load_lanes<V>(dy + i, count), V(T(0)));
    };
  };
  detail::batch_norm_backward_passes<T, Arch>(rows, channels, x, mean, inv_std, gamma, gradient, gradient, dx, dgamma,
                                              dbeta);
}

/// The gradient with a residual: dresidual = dy where y > 0, else 0, y the result of the forward pass. dresidual may
/// be dy, and dx may be dresidual if that one is not wanted.
template <class T, class Arch = DefaultArch>
void batch_norm_add_relu_backward(std::int64_t rows, std::int64_t channels, const T* x, const T* y, const T* dy,
                                  const T* mean, const T* inv_std, std::type_identity_t<const T*> gamma, T* dresidual,
                                  T* dx, std::type_identity_t<T*> dgamma, std::type_identity_t<T*> dbeta) {
  using V = Vec<T, Arch>;
  const auto masked = [=](std::int64_t c, auto count) {
    return [=](std::int64_t r) {
      const std::int64_t i = r * channels + c;
      const V d = select(load_lanes<V>(y + i, count) > V(T(0)), load_lanes<V>(dy + i, count), V(T(0)));
      store_lanes(dresidual + i, count, d);
      return d;
    };
  };
  const auto again = [=](std::int64_t c, auto count) {
    return [=](std::int64_t r) { return load_lanes<V>(static_cast<const T*>(dresidual) + r * channels + c, count); };
  };
  detail::batch_norm_backward_passes<T, Arch>(rows, channels, x, mean, inv_std, gamma, masked, again, dx, dgamma,
                                              dbeta);
}

}  // namespace bitgrain::kernels
