#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "bitgrain/ops/linear.hpp"
#include "bitgrain/quant/integer_conv2d.hpp"

namespace bitgrain {

namespace detail {
inline std::int64_t rows_per_image(std::int64_t batch) {
  for (std::int64_t rows = 32; rows >= 8; --rows)
    if (batch % rows == 0) return rows;
  return batch;
}
}  // namespace detail

/// linear of a variable that carries codes with weights that carry codes, forward on the integer kernels:
///
///     y = step_x step_w[o] (sum of x codes * w codes) + bias[o]
///
/// with exact sums. Gradients are those of linear. Falls back to linear where integer_conv2d falls back to conv2d.
/// Traced as "linear".
template <class T>
Var<T> integer_linear(const Var<T>& x, const Var<T>& w, const Var<T>& bias) {
  if constexpr (!std::is_same_v<T, float>) {
    return linear(x, w, bias);
  } else {
    detail::check_defined("linear", "x", x);
    detail::check_defined("linear", "w", w);
    const ConvGeometry g = linear_geometry(x.shape(), w.shape());
    if (bias.defined()) detail::check_vector("linear", "bias", bias, g.out_channels);
    if (!x.quant() || !w.quant() || g.output_size() == 0 || g.in_channels == 0 || rounding_is_frozen() ||
        !detail::fits_integer_kernels(*x.quant(), *w.quant(), g.in_channels))
      return linear(x, w, bias);

    const detail::InputBytes bytes = detail::input_bytes(x);
    const Tensor<std::int8_t> codes = detail::weight_bytes(w);
    const Tensor<T> scale = detail::product_steps<T>(*x.quant(), *w.quant(), g.out_channels);
    Tensor<T> y(Shape{g.batch, g.out_channels});
    // The kernel makes tiles of the pixels of an image, and threads share the images: as many rows of x as fill some
    // tiles are an image, if they divide the batch, else all.
    ConvGeometry images = g;
    images.in_w = detail::rows_per_image(g.batch);
    images.batch = g.batch / images.in_w;
    const auto packed = kernels::pack_conv2d(images, codes.data(), bytes.zero, static_cast<std::uint8_t>(bytes.zero));
    kernels::conv2d_u8s8_real<T>(packed, images.batch, bytes.bytes.data(), scale.data(),
                                 bias.defined() ? bias.value().data() : nullptr, {y.mutable_data(), nullptr}, nullptr,
                                 nullptr);
    const Var<T> result = make_result<T>("linear", std::move(y), {x, w, bias}, linear_backward(x, w, bias));
    OpAttributes attributes;
    attributes.conv = g;
    trace<T>("linear", {x, w, bias}, result, std::move(attributes));
    return result;
  }
}

}  // namespace bitgrain
