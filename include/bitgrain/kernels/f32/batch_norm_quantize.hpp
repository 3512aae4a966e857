#pragma once

/// Batch normalisation and the activation quantizer behind it, with a residual added between the two or not, of
/// [rows, channels]:
///
///     v    = ((x - mean) inv_std gamma + beta + residual) / step
///     code = floor(clamp(v, low, high) + 1/2) + zero_point
///
/// in one pass forward, which writes a byte per element and nothing else, and two passes backward. Backward
/// calculates v again from x, by the expression of the forward pass, so neither the normalised values nor the
/// dequantized ones nor a clip mask ever exist in memory. Codes are those of quantize_forward on the result of
/// batch_norm_forward, bit for bit (but for a residual of codes, whose product with its step is not rounded before it
/// is added).

#include <cstdint>
#include <type_traits>

#include "bitgrain/kernels/f32/batch_norm.hpp"
#include "bitgrain/kernels/f32/convert_lanes.hpp"
#include "bitgrain/kernels/f32/quantize.hpp"

namespace bitgrain::kernels {

/// What is added before the quantizer: nothing, real numbers, or step * (code - zero_point).
template <class T>
struct Residual {
  const T* values = nullptr;
  const std::uint8_t* codes = nullptr;
  T step = 1, zero_point = 0;
  bool given() const { return values != nullptr || codes != nullptr; }
};

namespace detail {

// Calls pass(load) with load(i, count, v) = v + the residual at element i.
template <class T, class Pass>
void with_residual(const Residual<T>& residual, Pass pass) {
  if (residual.codes)
    // multiply_add and not v + step * b: compilers fuse the latter or do not, and backward must see the v of forward.
    pass([codes = residual.codes, step = residual.step, zero = residual.zero_point]<class V>(std::int64_t i,
                                                                                             auto count, const V& v) {
      return multiply_add(load_bytes<V>(codes + i, count) - V(zero), V(step), v);
    });
  else if (residual.values)
    pass([values = residual.values]<class V>(std::int64_t i, auto count, const V& v) {
      return v + load_lanes<V>(values + i, count);
    });
  else
    pass([]<class V>(std::int64_t, auto, const V& v) { return v; });
}

// The clip of a quantizer, in vectors.
template <class V>
struct ClipLanes {
  using T = typename V::value_type;
  ClipLanes(const QuantizeRule& rule, T step)
      : low(static_cast<T>(rule.low)), high(static_cast<T>(rule.high)), inverse(T{1} / step) {}
  V low, high, inverse;

  V code(const V& v) const { return floor(min(max(v, low), high) + V(T{0.5})); }
};

}  // namespace detail

/// The forward pass: the bytes code + zero_point, which must lie in 0 .. 255. Null `gamma` is 1, null `beta` 0.
template <class T, class Arch = DefaultArch>
void batch_norm_quantize_forward(std::int64_t rows, std::int64_t channels, const T* x, const T* mean,
                                 const T* inv_std, std::type_identity_t<const T*> gamma,
                                 std::type_identity_t<const T*> beta, const Residual<T>& residual,
                                 std::type_identity_t<T> step, const QuantizeRule& rule, std::int32_t zero_point,
                                 std::uint8_t* codes) {
  using V = Vec<T, Arch>;
  const detail::NormFactors<T> f(channels, inv_std, gamma, beta);
  detail::with_residual(residual, [&](auto plus) {
    for_each_row<T, Arch>(rows, channels, [=, factors = f.factor, shifts = f.shift](std::int64_t c, auto count) {
      return [=, center = load_lanes<V>(mean + c, count), factor = load_lanes<V>(factors + c, count),
              shift = load_lanes<V>(shifts + c, count), clip = detail::ClipLanes<V>(rule, step),
              zero = V(static_cast<T>(zero_point))](std::int64_t r) {
        const std::int64_t i = r * channels + c;
        const V v = plus(i, count, multiply_add(load_lanes<V>(x + i, count) - center, factor, shift));
        store_bytes(codes + i, count, clip.code(v * clip.inverse) + zero);
      };
    });
  });
}

/// The gradient, and dL/dstep as the return value (before any scale):
///
///     d     = dy where low <= v <= high, else 0           dresidual = d
///     dstep = sum of dy (inside ? code - v : code)        dx, dgamma, dbeta: of batch norm, for d
///
/// `dresidual` may be null, if nobody wants it; if not, it may be dy. dx may be dy if dresidual is null. `dgamma` and
/// `dbeta` may be null.
template <class T, class Arch = DefaultArch>
double batch_norm_quantize_backward(std::int64_t rows, std::int64_t channels, const T* x, const T* dy, const T* mean,
                                    const T* inv_std, std::type_identity_t<const T*> gamma,
                                    std::type_identity_t<const T*> beta, const Residual<T>& residual,
                                    std::type_identity_t<T> step, const QuantizeRule& rule,
                                    std::type_identity_t<T*> dresidual, T* dx, std::type_identity_t<T*> dgamma,
                                    std::type_identity_t<T*> dbeta) {
  using V = Vec<T, Arch>;
  if (channels <= 0) return 0;
  const detail::NormFactors<T> f(channels, inv_std, gamma, beta);
  double dstep = 0;
  detail::with_residual(residual, [&](auto plus) {
    const auto passes = [&](auto keep) {
      constexpr bool kKeep = decltype(keep)::value;  // d is written, and the second pass reads it
      const auto sums = sum_columns<T, Arch, 3>(
          rows, channels, [=, factors = f.factor, shifts = f.shift](std::int64_t c, auto count) {
            return
                [=, center = load_lanes<V>(mean + c, count), factor = load_lanes<V>(factors + c, count),
                 shift = load_lanes<V>(shifts + c, count), clip = detail::ClipLanes<V>(rule, step)](std::int64_t r) {
                  const std::int64_t i = r * channels + c;
                  const V centered = load_lanes<V>(x + i, count) - center, g = load_lanes<V>(dy + i, count);
                  const V v = plus(i, count, multiply_add(centered, factor, shift)) * clip.inverse;
                  const auto inside = (v >= clip.low) && (v <= clip.high);
                  const V d = select(inside, g, V(T(0)));
                  if constexpr (kKeep) store_lanes(dresidual + i, count, d);
                  return std::array<V, 3>{d, d * centered, g * (clip.code(v) - select(inside, v, V(T(0))))};
                };
          });
      for (std::int64_t c = 0; c < channels; ++c) dstep += sums[static_cast<std::size_t>(2 * channels + c)];
      const detail::NormGradient<T> gradient(rows, channels, sums.data(), inv_std, gamma, dgamma, dbeta);
      gradient.template write<Arch>(
          rows, x, mean,
          [=, factors = f.factor, shifts = f.shift](std::int64_t c, auto count) {
            return
                [=, center = load_lanes<V>(mean + c, count), factor = load_lanes<V>(factors + c, count),
                 shift = load_lanes<V>(shifts + c, count), clip = detail::ClipLanes<V>(rule, step)](std::int64_t r) {
                  const std::int64_t i = r * channels + c;
                  if constexpr (kKeep) return load_lanes<V>(static_cast<const T*>(dresidual) + i, count);
                  const V n = multiply_add(load_lanes<V>(x + i, count) - center, factor, shift);
                  const V v = plus(i, count, n) * clip.inverse;
                  return select((v >= clip.low) && (v <= clip.high), load_lanes<V>(dy + i, count), V(T(0)));
                };
          },
          dx);
    };
    if (dresidual)
      passes(std::true_type());
    else
      passes(std::false_type());
  });
  return dstep;
}

}  // namespace bitgrain::kernels
