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

// The step of the sums of every output channel.
template <class T>
Tensor<T> product_steps(const QuantInfo& x, const QuantInfo& w, std::int64_t channels) {
  Tensor<T> steps(Shape{channels});
  for (std::int64_t o = 0; o < channels; ++o) steps.mutable_data()[o] = static_cast<T>(x.step.front() * w.step_of(o));
  return steps;
}

// The backward function of conv2d (ops/conv2d.hpp), with the codes of x kept instead of x, a few images at a time:
//
//     dw = step * sum over pieces of (byte - zero) dy      dx = dy (*) w^T
//
// What a piece is made of is calculated just before it is read and lies in the second-level cache: the real numbers
// of x, and, behind batch norm, dy itself. How many images that are depends on the geometry alone, as the order of
// the sums does.
//
// Codes have at most 8 bits, so bf16 holds them exactly and rounds dy alone.
template <class T>
class IntegerConv2dBackward {
 public:
  static constexpr bool kTakesPieces = true;  // see make_result

  IntegerConv2dBackward(const ConvGeometry& g, const Var<T>& x, const InputBytes& bytes, const Var<T>& w,
                        const Var<T>& bias)
      : g_(g),
        x_(x.slot()),
        w_(w.slot()),
        bias_(bias.slot()),
        bytes_(w.requires_grad() ? bytes : InputBytes{}),
        saved_w_(x.requires_grad() ? w.value() : Tensor<T>()),
        step_(static_cast<T>(x.quant()->step.front())) {}

  void operator()(const Tensor<T>& dy) const {
    if (bias_.requires_grad()) {
      Tensor<T> dbias(bias_.shape());
      kernels::column_sum(dy.numel() / g_.out_channels, g_.out_channels, dy.data(), dbias.mutable_data());
      bias_.add_grad(std::move(dbias));
    }
    run([&](std::int64_t image, std::int64_t) { return dy.data() + image * image_out(); });
  }
  void operator()(const GradientPieces<T>& pieces) const {
    if (bias_.requires_grad()) {  // nobody puts batch norm behind a bias
      Tensor<T> dy(Shape{g_.batch, g_.out_h(), g_.out_w(), g_.out_channels});
      pieces.write(0, g_.batch, dy.mutable_data());
      return (*this)(dy);
    }
    const Scratch<T> dy(static_cast<std::size_t>(piece_images() * image_out()));
    run([&](std::int64_t image, std::int64_t images) -> const T* {
      pieces.write(image, image + images, dy.data());
      return dy.data();
    });
  }

 private:
  static constexpr std::int64_t kPieceBytes = std::int64_t{1} << 19, kPieceImages = 4;

  std::int64_t image_in() const { return g_.in_h * g_.in_w * g_.in_channels; }
  std::int64_t image_out() const { return g_.output_size() / g_.batch; }
  std::int64_t piece_images() const {
    const std::int64_t fit = kPieceBytes / static_cast<std::int64_t>(sizeof(T)) / std::max(image_in(), image_out());
    return std::min(g_.batch, std::max(kPieceImages, fit));
  }

  // dy_of(image, images) gives where dy of these images stands.
  template <class DyOf>
  void run(DyOf dy_of) const {
    ConvGeometry few = g_;
    few.batch = piece_images();
    Tensor<T> dw, part, dx;
    if (w_.requires_grad()) dw = Tensor<T>(w_.shape()), part = Tensor<T>(w_.shape());
    // Where another reader's gradient of x has arrived, dx is added to it while it is in the cache.
    Tensor<T> sum = x_.requires_grad() ? x_.grad_to_add_to() : Tensor<T>();
    if (x_.requires_grad()) dx = sum.defined() ? Tensor<T>(Shape{few.batch * image_in()}) : Tensor<T>(x_.shape());
    for (std::int64_t image = 0; image < g_.batch; image += few.batch) {
      few.batch = std::min(few.batch, g_.batch - image);
      const T* dy = dy_of(image, few.batch);
      if (dw.defined()) {
        weight_gradient(few, bytes_.bytes.data() + image * image_in(), dy, (image == 0 ? dw : part).mutable_data());
        if (image > 0) add_into(dw, part);
      }
      if (!dx.defined()) continue;
      const std::int64_t at = image * image_in();
      T* piece = dx.mutable_data() + (sum.defined() ? 0 : at);
      input_gradient(few, dy, piece);
      if (sum.defined()) {
        T* to = sum.mutable_data() + at;
        kernels::add(few.input_size(), static_cast<const T*>(to), static_cast<const T*>(piece), to);
      }
    }
    if (dw.defined()) {
      kernels::scale(dw.numel(), step_, static_cast<const T*>(dw.data()), dw.mutable_data());
      w_.add_grad(std::move(dw));
    }
    if (dx.defined() && !sum.defined()) x_.add_grad(std::move(dx));
  }

  // Whether to multiply in bf16. Operands that lie in the cache make Winograd's method in float the faster one from
  // 16 channels on (2.8 ms instead of 3.1 for dx as for dw of 16-16@32, batch 128); from memory bf16 is.
  bool in_bf16(const ConvGeometry& few, bool winograd_wins) const {
    const bool winograd = winograd_wins && kernels::winograd_enabled() && few.window.kernel_h == 3;
    return grad_precision() == GradPrecision::bf16 && !winograd;
  }
  void input_gradient(const ConvGeometry& few, const T* dy, T* dx) const {
    if (in_bf16(few, kernels::winograd_data_wins(few)))
      kernels::conv2d_backward_data_bf16(few, dy, saved_w_.get().data(), dx);
    else
      kernels::conv2d_backward_data(few, dy, saved_w_.get().data(), dx);
  }
  void weight_gradient(const ConvGeometry& few, const std::uint8_t* bytes, const T* dy, T* dw) const {
    if (in_bf16(few, kernels::winograd_weights_win(few)))
      return kernels::conv2d_backward_weights_of_codes_bf16(few, bytes, bytes_.zero, dy, dw);
    const Scratch<T> codes(static_cast<std::size_t>(few.input_size()));
    kernels::values_of_bytes(few.input_size(), bytes, T{1}, bytes_.zero, codes.data());
    kernels::conv2d_backward_weights(few, static_cast<const T*>(codes.data()), dy, dw, nullptr);
  }

  ConvGeometry g_;
  GradSlot<T> x_, w_, bias_;
  InputBytes bytes_;
  Saved<T> saved_w_;
  T step_;
};

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
    const Tensor<T> scale = detail::product_steps<T>(*x.quant(), *w.quant(), g.out_channels);
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
        make_result<T>("conv2d", std::move(y), {x, w, bias}, detail::IntegerConv2dBackward<T>(g, x, bytes, w, bias));
    result.set_moments(std::move(moments));
    OpAttributes attributes;
    attributes.conv = g;
    trace<T>("conv2d", {x, w, bias}, result, std::move(attributes));
    return result;
  }
}

}  // namespace bitgrain
