#pragma once

/// Batch normalisation and the activation quantizer behind it, with a residual added between the two or not, of
/// [rows, channels]:
///
///     v    = ((x - mean) inv_std gamma + beta + residual) / step
///     code = floor(clamp(v, low, high) + 1/2) + zero_point
///
/// in one pass forward, which writes a byte per element and nothing else, and two passes backward, the second of them
/// a few rows at a time if the reader of dx likes it so. Backward
/// calculates v again from x, by the expression of the forward pass, so neither the normalised values nor the
/// dequantized ones nor a clip mask ever exist in memory. Codes are those of quantize_forward on the result of
/// batch_norm_forward, bit for bit (but for a residual of codes, whose product with its step is not rounded before it
/// is added).

#include <array>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "bitgrain/kernels/f32/batch_norm.hpp"
#include "bitgrain/kernels/f32/convert_lanes.hpp"
#include "bitgrain/kernels/f32/quantize.hpp"

namespace bitgrain::kernels {

/// What batch norm is given: real numbers, or scale[c] * sums, sums being the accumulators of an integer convolution
/// where these fit 16 bits: half the memory to write, to keep for backward and to read three times.
template <class T>
struct NormInput {
  const T* values = nullptr;
  const std::int16_t* sums = nullptr;
  const T* scale = nullptr;
};

/// What is added before the quantizer: nothing, real numbers, or step * (code - zero_point).
template <class T>
struct Residual {
  const T* values = nullptr;
  const std::uint8_t* codes = nullptr;
  T step = 1, zero_point = 0;
  bool given() const { return values != nullptr || codes != nullptr; }
};

namespace detail {

// The operands of `count` columns from c on, and v as the forward pass and both passes of backward calculate it.
// multiply_add and not a * b + c: compilers fuse the latter or do not, and backward must see the v of forward.
template <class V, bool kSums, bool kAdd, class Count>
class QuantizedColumns {
 public:
  using T = typename V::value_type;
  QuantizedColumns(std::int64_t c, Count count, std::int64_t channels, const NormInput<T>& x, const T* mean,
                   const NormFactors<T>& f, const Residual<T>& residual, T step, const QuantizeRule& rule)
      : count_(count),
        channels_(channels),
        values_(x.values ? x.values + c : nullptr),
        sums_(x.sums ? x.sums + c : nullptr),
        added_(residual.values ? residual.values + c : nullptr),
        codes_(residual.codes ? residual.codes + c : nullptr),
        scale_(kSums ? load_lanes<V>(x.scale + c, count) : V(T{1})),
        center_(load_lanes<V>(mean + c, count)),
        factor_(load_lanes<V>(f.factor + c, count)),
        shift_(load_lanes<V>(f.shift + c, count)),
        code_step_(residual.step),
        code_zero_(residual.zero_point),
        low_(static_cast<T>(rule.low)),
        high_(static_cast<T>(rule.high)),
        inverse_(T{1} / step) {}

  // x - mean.
  V centered(std::int64_t r) const {
    if constexpr (kSums) return multiply_add(load_int16<V>(sums_ + r * channels_, count_), scale_, -center_);
    return load_lanes<V>(values_ + r * channels_, count_) - center_;
  }
  V over_step(std::int64_t r, const V& centered_x) const {
    V v = multiply_add(centered_x, factor_, shift_);
    if constexpr (kAdd) {
      const std::int64_t i = r * channels_;
      if (codes_)  // the same for all elements: costs nothing beside the memory
        v = multiply_add(load_bytes<V>(codes_ + i, count_) - code_zero_, code_step_, v);
      else
        v = v + load_lanes<V>(added_ + i, count_);
    }
    return v * inverse_;
  }
  V code(const V& v) const { return floor(min(max(v, low_), high_) + V(T{0.5})); }
  auto inside(const V& v) const { return (v >= low_) && (v <= high_); }

 private:
  Count count_;
  std::int64_t channels_;
  const T* values_;
  const std::int16_t* sums_;
  const T* added_;
  const std::uint8_t* codes_;
  V scale_, center_, factor_, shift_, code_step_, code_zero_, low_, high_, inverse_;
};

// Calls pass(columns) where columns(c, count) makes the QuantizedColumns, with the residual's presence as a constant.
template <class T, class Arch, class Pass>
void with_columns(std::int64_t channels, const NormInput<T>& x, const T* mean, const NormFactors<T>& f,
                  const Residual<T>& residual, T step, const QuantizeRule& rule, Pass pass) {
  const auto run = [&](auto sums, auto add) {
    pass(
        [=, &x, &f, &residual, &rule](std::int64_t c, auto count) {
          return QuantizedColumns<Vec<T, Arch>, decltype(sums)::value, decltype(add)::value, decltype(count)>(
              c, count, channels, x, mean, f, residual, step, rule);
        },
        add);
  };
  const auto with_sums = [&](auto sums) {
    if (residual.given())
      run(sums, std::true_type());
    else
      run(sums, std::false_type());
  };
  if (x.sums)
    with_sums(std::true_type());
  else
    with_sums(std::false_type());
}

}  // namespace detail

/// The forward pass: the bytes code + zero_point, which must lie in 0 .. 255. Null `gamma` is 1, null `beta` 0.
template <class T, class Arch = DefaultArch>
void batch_norm_quantize_forward(std::int64_t rows, std::int64_t channels, const NormInput<T>& x, const T* mean,
                                 const T* inv_std, std::type_identity_t<const T*> gamma,
                                 std::type_identity_t<const T*> beta, const Residual<T>& residual,
                                 std::type_identity_t<T> step, const QuantizeRule& rule, std::int32_t zero_point,
                                 std::uint8_t* codes) {
  using V = Vec<T, Arch>;
  const detail::NormFactors<T> f(channels, inv_std, gamma, beta);
  detail::with_columns<T, Arch>(channels, x, mean, f, residual, step, rule, [&](auto columns, auto) {
    for_each_row<T, Arch>(rows, channels, [=](std::int64_t c, auto count) {
      return [=, own = columns(c, count), zero = V(static_cast<T>(zero_point))](std::int64_t r) {
        const V v = own.over_step(r, own.centered(r));
        store_bytes(codes + r * channels + c, count, own.code(v) + zero);
      };
    });
  });
}

/// y = step v, what the quantizer sees. x, residual and y may begin at any row.
template <class T, class Arch = DefaultArch>
void batch_norm_add_forward(std::int64_t rows, std::int64_t channels, const NormInput<T>& x, const T* mean,
                            const T* inv_std, std::type_identity_t<const T*> gamma,
                            std::type_identity_t<const T*> beta, const Residual<T>& residual, T* y) {
  const detail::NormFactors<T> f(channels, inv_std, gamma, beta);
  detail::with_columns<T, Arch>(channels, x, mean, f, residual, T{1}, {}, [&](auto columns, auto) {
    for_each_row<T, Arch>(rows, channels, [=](std::int64_t c, auto count) {
      return [=, own = columns(c, count)](std::int64_t r) {
        store_lanes(y + r * channels + c, count, own.over_step(r, own.centered(r)));
      };
    });
  });
}

/// What the second pass of backward needs of the first: dL/dstep (before any scale), and dx = a d + b (x - mean) + e.
template <class T>
struct NormQuantizeSums {
  double dstep = 0;
  std::shared_ptr<const detail::NormGradient<T>> gradient;  ///< null if there are no channels
};

/// The first pass of backward, over all rows:
///
///     d     = dy where low <= v <= high, else 0           dresidual = d
///     dstep = sum of dy (inside ? code - v : code)        dx, dgamma, dbeta: of batch norm, for d
///
/// With a residual `dresidual` is wanted, and may be dy. `dgamma` and `dbeta` may be null.
template <class T, class Arch = DefaultArch>
NormQuantizeSums<T> batch_norm_quantize_backward_sums(
    std::int64_t rows, std::int64_t channels, const NormInput<T>& x, const T* dy, const T* mean, const T* inv_std,
    std::type_identity_t<const T*> gamma, std::type_identity_t<const T*> beta, const Residual<T>& residual,
    std::type_identity_t<T> step, const QuantizeRule& rule, std::type_identity_t<T*> dresidual,
    std::type_identity_t<T*> dgamma, std::type_identity_t<T*> dbeta) {
  using V = Vec<T, Arch>;
  NormQuantizeSums<T> result;
  if (channels <= 0) return result;
  const detail::NormFactors<T> f(channels, inv_std, gamma, beta);
  detail::with_columns<T, Arch>(channels, x, mean, f, residual, step, rule, [&](auto columns, auto add) {
    const auto sums = sum_columns<T, Arch, 3>(rows, channels, [=](std::int64_t c, auto count) {
      return [=, own = columns(c, count)](std::int64_t r) {
        const std::int64_t i = r * channels + c;
        const V centered = own.centered(r), v = own.over_step(r, centered), g = load_lanes<V>(dy + i, count);
        const auto inside = own.inside(v);
        const V d = select(inside, g, V(T(0)));
        if constexpr (decltype(add)::value) store_lanes(dresidual + i, count, d);
        return std::array<V, 3>{d, d * centered, g * (own.code(v) - select(inside, v, V(T(0))))};
      };
    });
    for (std::int64_t c = 0; c < channels; ++c) result.dstep += sums[static_cast<std::size_t>(2 * channels + c)];
    result.gradient =
        std::make_shared<const detail::NormGradient<T>>(rows, channels, sums.data(), inv_std, gamma, dgamma, dbeta);
  });
  return result;
}

/// The second pass, over any rows: x, dy and dx begin at the first of them. With a residual (`has_residual`) dy is
/// what the first pass wrote to dresidual; without one it is the dy of the first pass, and dx may be dy.
template <class T, class Arch = DefaultArch>
void batch_norm_quantize_backward_rows(std::int64_t rows, std::int64_t channels, const NormInput<T>& x, const T* dy,
                                       const T* mean, const T* inv_std, std::type_identity_t<const T*> gamma,
                                       std::type_identity_t<const T*> beta, bool has_residual,
                                       std::type_identity_t<T> step, const QuantizeRule& rule,
                                       const NormQuantizeSums<T>& sums, T* dx) {
  using V = Vec<T, Arch>;
  if (channels <= 0) return;
  const detail::NormFactors<T> f(channels, inv_std, gamma, beta);
  detail::with_columns<T, Arch>(channels, x, mean, f, {}, step, rule, [&](auto columns, auto) {
    const auto write = [&](auto clipped) {
      sums.gradient->template write<Arch>(
          rows,
          [=](std::int64_t c, auto count) {
            return [=, own = columns(c, count)](std::int64_t r) {
              const V centered = own.centered(r), d = load_lanes<V>(dy + r * channels + c, count);
              if constexpr (decltype(clipped)::value)
                return std::array<V, 2>{d, centered};
              else
                return std::array<V, 2>{select(own.inside(own.over_step(r, centered)), d, V(T(0))), centered};
            };
          },
          dx);
    };
    if (has_residual)
      write(std::true_type());
    else
      write(std::false_type());
  });
}

/// Both passes: the gradient, and dL/dstep as the return value. With a residual dx must not be dy.
template <class T, class Arch = DefaultArch>
double batch_norm_quantize_backward(std::int64_t rows, std::int64_t channels, const NormInput<T>& x, const T* dy,
                                    const T* mean, const T* inv_std, std::type_identity_t<const T*> gamma,
                                    std::type_identity_t<const T*> beta, const Residual<T>& residual,
                                    std::type_identity_t<T> step, const QuantizeRule& rule,
                                    std::type_identity_t<T*> dresidual, T* dx, std::type_identity_t<T*> dgamma,
                                    std::type_identity_t<T*> dbeta) {
  const auto sums = batch_norm_quantize_backward_sums<T, Arch>(rows, channels, x, dy, mean, inv_std, gamma, beta,
                                                               residual, step, rule, dresidual, dgamma, dbeta);
  batch_norm_quantize_backward_rows<T, Arch>(rows, channels, x, residual.given() ? dresidual : dy, mean, inv_std,
                                             gamma, beta, residual.given(), step, rule, sums, dx);
  return sums.dstep;
}

/// The instances of one architecture (kernels/instances.hpp); `linkage` is extern, or empty.
#define BITGRAIN_BATCH_NORM_QUANTIZE_INSTANCES(linkage, Arch)                                                      \
  linkage template void batch_norm_quantize_forward<float, Arch>(                                                  \
      std::int64_t, std::int64_t, const NormInput<float>&, const float*, const float*, const float*, const float*, \
      const Residual<float>&, float, const QuantizeRule&, std::int32_t, std::uint8_t*);                            \
  linkage template NormQuantizeSums<float> batch_norm_quantize_backward_sums<float, Arch>(                         \
      std::int64_t, std::int64_t, const NormInput<float>&, const float*, const float*, const float*, const float*, \
      const float*, const Residual<float>&, float, const QuantizeRule&, float*, float*, float*);                   \
  linkage template void batch_norm_quantize_backward_rows<float, Arch>(                                            \
      std::int64_t, std::int64_t, const NormInput<float>&, const float*, const float*, const float*, const float*, \
      const float*, bool, float, const QuantizeRule&, const NormQuantizeSums<float>&, float*);

#if defined(BITGRAIN_EXTERN_KERNELS)
BITGRAIN_BATCH_NORM_QUANTIZE_INSTANCES(extern, DefaultArch)
#endif

}  // namespace bitgrain::kernels
