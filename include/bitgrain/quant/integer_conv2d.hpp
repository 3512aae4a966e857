#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

#include "bitgrain/autograd/ste.hpp"
#include "bitgrain/kernels/int8/real_conv2d.hpp"
#include "bitgrain/ops/conv2d.hpp"

namespace bitgrain {

namespace detail {

// Whether the codes fit the bytes of the integer kernels and the sums of k products fit int32.
inline bool fits_integer_kernels(const QuantInfo& x, const QuantInfo& w, std::int64_t k) {
  if (x.per_channel() || w.zero_point != 0) return false;
  const auto bounds = [](const QuantInfo& info) { return info.range(); };
  const CodeRange in = bounds(x), weight = bounds(w);
  const auto magnitude = [](const CodeRange& r) { return std::max<std::int64_t>(-std::int64_t{r.low}, r.high); };
  if (in.high - in.low > 255 || weight.low < -128 || weight.high > 127 || magnitude(in) > 255) return false;
  const std::int64_t largest = magnitude(in) + std::abs(std::int64_t{x.zero_point});
  return k * largest * magnitude(weight) <= std::numeric_limits<std::int32_t>::max();
}

// Activation codes as the u8 x s8 kernels take them: byte = code + offset, so a byte means byte - zero.
struct InputBytes {
  Tensor<std::uint8_t> bytes;
  std::int32_t zero = 0;
};
template <class T>
InputBytes input_bytes(const Var<T>& x) {
  if (x.has_code_bytes()) return {x.code_bytes(), x.quant()->zero_point};
  const QuantInfo& info = *x.quant();
  InputBytes result{Tensor<std::uint8_t>(x.shape()), info.zero_point - std::min(0, info.range().low)};
  kernels::bytes_of_values(x.numel(), x.value().data(), static_cast<T>(info.step.front()), result.zero,
                           result.bytes.mutable_data());
  return result;
}

template <class T>
Tensor<std::int8_t> weight_bytes(const Var<T>& w) {
  const QuantInfo& info = *w.quant();
  Tensor<std::int8_t> codes(w.shape());
  const auto steps = static_cast<std::int64_t>(info.step.size());
  const std::int64_t per_step = w.numel() / steps;
  auto* to = reinterpret_cast<std::uint8_t*>(codes.mutable_data());
  for (std::int64_t c = 0; c < steps; ++c)
    kernels::bytes_of_values(per_step, w.value().data() + c * per_step, static_cast<T>(info.step_of(c)), 0,
                             to + c * per_step);
  return codes;
}

// dw = sum over a few images at a time of (byte - zero) dy, times step. The real numbers of these images are made
// just before they are read and lie in the second-level cache: 10 to 20 % less time than making all of them first
// (3.1 ms instead of 3.7 at 16 channels of 32x32, batch 128). How many depends on the geometry alone, as the order of
// the sums does, and leaves work for every thread.
//
// Codes have at most 8 bits, so bf16 holds them exactly and rounds dy alone.
template <class T>
Tensor<T> code_weight_gradient(const ConvGeometry& g, const InputBytes& x, const Tensor<T>& dy, const Shape& shape,
                               T step) {
  constexpr std::int64_t kCacheBytes = std::int64_t{1} << 19, kImages = 16;
  const std::int64_t image_in = g.in_h * g.in_w * g.in_channels, image_out = g.output_size() / g.batch;
  const std::int64_t fit = kCacheBytes / static_cast<std::int64_t>(sizeof(T)) / image_in;
  ConvGeometry few = g;
  few.batch = std::min(g.batch, std::max(kImages, fit));
  Tensor<T> dw(shape), part(shape);
  const Scratch<T> codes(static_cast<std::size_t>(few.input_size()));
  T* sum = dw.mutable_data();
  for (std::int64_t image = 0; image < g.batch; image += few.batch) {
    few.batch = std::min(few.batch, g.batch - image);
    kernels::values_of_bytes(few.input_size(), x.bytes.data() + image * image_in, T{1}, x.zero, codes.data());
    T* to = image == 0 ? sum : part.mutable_data();
    conv2d_weight_gradient(few, static_cast<const T*>(codes.data()), dy.data() + image * image_out, to,
                           static_cast<T*>(nullptr));
    if (image > 0) kernels::add(dw.numel(), static_cast<const T*>(sum), static_cast<const T*>(to), sum);
  }
  kernels::scale(dw.numel(), step, static_cast<const T*>(sum), sum);
  return dw;
}

// The backward function of conv2d (ops/conv2d.hpp), with the codes of x kept instead of x.
template <class T>
auto integer_conv2d_backward(const ConvGeometry& g, const Var<T>& x, const InputBytes& bytes, const Var<T>& w,
                             const Var<T>& bias) {
  const InputBytes kept = w.requires_grad() ? bytes : InputBytes{};
  const Saved<T> saved_w(x.requires_grad() ? w.value() : Tensor<T>());
  const T step = static_cast<T>(x.quant()->step.front());
  return [g, x = x.slot(), w = w.slot(), bias = bias.slot(), kept, saved_w, step](const Tensor<T>& dy) {
    if (bias.requires_grad()) {
      Tensor<T> dbias(bias.shape());
      kernels::column_sum(dy.numel() / g.out_channels, g.out_channels, dy.data(), dbias.mutable_data());
      bias.add_grad(std::move(dbias));
    }
    if (w.requires_grad()) w.add_grad(code_weight_gradient(g, kept, dy, w.shape(), step));
    if (x.requires_grad()) {
      Tensor<T> dx(x.shape());
      conv2d_input_gradient(g, dy, saved_w.get(), dx.mutable_data());
      x.add_grad(std::move(dx));
    }
  };
}

}  // namespace detail

/// conv2d of a variable that carries codes with weights that carry codes, forward on the integer kernels:
///
///     y = step_x step_w[o] (sum of x codes * w codes) + bias[o]
///
/// with exact sums, which no float convolution gives. Gradients are those of conv2d. With `for_batch_norm` the
/// result carries its moments by channel, and where the sums fit 16 bits it is these sums until somebody asks for
/// values. Falls back to conv2d where there are no codes on both sides, where they do not fit the kernels, in double,
/// and for gradcheck, which needs real numbers. Traced as "conv2d".
template <class T>
Var<T> integer_conv2d(const Var<T>& x, const Var<T>& w, const Var<T>& bias, const Window2d& window,
                      std::int64_t groups = 1, bool for_batch_norm = false) {
  if constexpr (!std::is_same_v<T, float>) {
    return conv2d(x, w, bias, window, groups);
  } else {
    detail::check_defined("conv2d", "x", x);
    detail::check_defined("conv2d", "w", w);
    const ConvGeometry g = conv2d_geometry(x.shape(), w.shape(), window, groups);
    if (bias.defined()) detail::check_vector("conv2d", "bias", bias, g.out_channels);
    if (!x.quant() || !w.quant() || g.output_size() == 0 || rounding_is_frozen() ||
        !detail::fits_integer_kernels(*x.quant(), *w.quant(), w.numel() / g.out_channels))
      return conv2d(x, w, bias, window, groups);

    const detail::InputBytes bytes = detail::input_bytes(x);
    const Tensor<std::int8_t> codes = detail::weight_bytes(w);
    const auto packed = kernels::pack_conv2d(g, codes.data(), bytes.zero, static_cast<std::uint8_t>(bytes.zero));
    Tensor<T> scale(Shape{g.out_channels});
    for (std::int64_t o = 0; o < g.out_channels; ++o)
      scale.mutable_data()[o] = static_cast<T>(x.quant()->step.front() * w.quant()->step_of(o));
    const Shape shape{g.batch, g.out_h(), g.out_w(), g.out_channels};
    Var<T> y;
    std::shared_ptr<ChannelMoments<T>> moments;
    const auto run = [&](const kernels::RealOutput<T>& to) {
      kernels::conv2d_u8s8_real(
          packed, g.batch, bytes.bytes.data(), scale.data(), bias.defined() ? bias.value().data() : nullptr, to,
          moments ? moments->mean.mutable_data() : nullptr, moments ? moments->var_biased.mutable_data() : nullptr);
    };
    if (for_batch_norm)
      moments = std::make_shared<ChannelMoments<T>>(
          ChannelMoments<T>{Tensor<T>(Shape{g.out_channels}), Tensor<T>(Shape{g.out_channels})});
    const CodeRange range = x.quant()->range();
    const std::int32_t zero_point = x.quant()->zero_point;
    if (for_batch_norm && !bias.defined() &&
        kernels::sums_fit_int16(g.out_channels, w.numel() / g.out_channels, codes.data(),
                                std::min(0, range.low - zero_point), std::max(0, range.high - zero_point))) {
      Tensor<std::int16_t> sums(shape);
      run({nullptr, sums.mutable_data()});
      y = Var<T>::of_sums(std::make_shared<const ScaledSums<T>>(ScaledSums<T>{sums, scale}));
    } else {
      Tensor<T> values(shape);
      run({values.mutable_data(), nullptr});
      y = Var<T>(std::move(values));
    }
    Var<T> result =
        make_result<T>("conv2d", std::move(y), {x, w, bias}, detail::integer_conv2d_backward(g, x, bytes, w, bias));
    result.set_moments(std::move(moments));
    OpAttributes attributes;
    attributes.conv = g;
    trace<T>("conv2d", {x, w, bias}, result, std::move(attributes));
    return result;
  }
}

}  // namespace bitgrain
