#pragma once

/// The uniform fake-quantization op that UniformSte and Lsq share.

#include <cmath>
#include <memory>
#include <vector>

#include "bitgrain/autograd/ste.hpp"
#include "bitgrain/autograd/var.hpp"
#include "bitgrain/kernels/f32/quantize.hpp"
#include "bitgrain/quant/quantizer.hpp"

namespace bitgrain {

/// Settings of fake_quantize.
struct FakeQuantizeOptions {
  kernels::QuantizeRule rule;
  Grid grid = Grid::kUnsigned;
  int bits = 8;
  std::int32_t zero_point = 0;  ///< value = step * (code - zero_point); the rule clips code - zero_point
  double min_step = 0;          ///< steps are clamped to [min_step, max_step] in the forward pass
  double max_step = HUGE_VAL;
  double step_gradient_scale = 1;  ///< LSQ's g: multiplies dL/dstep
};

/// The grid, range and rounding of a site: activations round half up, weights half to even, one-bit weights take the
/// sign.
inline FakeQuantizeOptions fake_quantize_options(const QuantizerSpec& spec) {
  const CodeRange range = code_range(spec.grid, spec.bits);
  FakeQuantizeOptions options;
  options.grid = spec.grid;
  options.bits = spec.bits;
  options.rule = {range.low, range.high,
                  spec.role == QuantRole::kActivations ? kernels::Rounding::kHalfUp
                  : spec.bits == 1                     ? kernels::Rounding::kSign
                                                       : kernels::Rounding::kHalfEven};
  return options;
}

namespace detail {
// The same element-by-element function through ste_round, for gradcheck.
template <class T>
void quantize_frozen(std::int64_t n, const T* x, T step, const kernels::QuantizeRule& rule, T* y) {
  for (std::int64_t i = 0; i < n; ++i) {
    const auto e = kernels::detail::exact_code(static_cast<double>(x[i]), static_cast<double>(step), rule);
    const double clipped = std::min(std::max(e.v, static_cast<double>(rule.low)), static_cast<double>(rule.high));
    y[i] = step * ste_round(static_cast<T>(clipped), static_cast<T>(e.code));
  }
}
}  // namespace detail

/// y = step * round(clamp(x / step, low, high)), straight-through gradients (kernels/f32/quantize.hpp). `step` is one
/// positive value, or one per leading index of x (per output channel of weights). The result carries its codes.
///
/// A step outside [min_step, max_step] acts as the bound; its gradient then passes only if descent leads back inside.
template <class T>
Var<T> fake_quantize(const Var<T>& x, const Var<T>& step, const FakeQuantizeOptions& options) {
  const std::int64_t steps = step.numel();
  BITGRAIN_CHECK(steps == 1 || (x.shape().rank() >= 1 && steps == x.shape()[0]), "fake_quantize: ", steps,
                 " steps for a tensor of shape ", x.shape(), "; expected 1 or one per leading index");
  const std::int64_t per_step = x.numel() / steps;
  auto info = std::make_shared<QuantInfo>();
  info->grid = options.grid;
  info->bits = options.bits;
  info->zero_point = options.zero_point;
  std::vector<T> effective;
  for (std::int64_t c = 0; c < steps; ++c) {
    const T s =
        std::min(std::max(step.value()[c], static_cast<T>(options.min_step)), static_cast<T>(options.max_step));
    BITGRAIN_CHECK(s > 0 && std::isfinite(s), "fake_quantize: the step size must be positive and finite, got ", s,
                   steps > 1 ? " in channel " + std::to_string(c) : std::string());
    effective.push_back(s);
    info->step.push_back(static_cast<double>(s));
  }
  Tensor<T> y(x.shape());
  T* out = y.mutable_data();
  for (std::int64_t c = 0; c < steps; ++c) {
    const T s = effective[static_cast<std::size_t>(c)];
    if (rounding_is_frozen())
      detail::quantize_frozen(per_step, x.value().data() + c * per_step, s, options.rule, out + c * per_step);
    else
      kernels::quantize_forward(per_step, x.value().data() + c * per_step, s, options.rule, out + c * per_step);
  }
  const Saved<T> saved(x.value()), saved_step(step.value());
  auto result = make_result<T>(
      "fake_quantize", std::move(y), {x, step},
      [x = x.slot(), step = step.slot(), saved, saved_step, effective = std::move(effective), options,
       per_step](const Tensor<T>& dy) {
        Tensor<T> dx(x.shape());
        Tensor<T> dstep(step.shape());
        T* dx_out = dx.mutable_data();
        T* ds_out = dstep.mutable_data();
        for (std::size_t c = 0; c < effective.size(); ++c) {
          const std::int64_t at = static_cast<std::int64_t>(c) * per_step;
          const double raw = kernels::quantize_backward(per_step, saved.get().data() + at, dy.data() + at,
                                                        effective[c], options.rule, dx_out + at);
          double ds = raw * options.step_gradient_scale;
          const double s = static_cast<double>(saved_step.get()[static_cast<std::int64_t>(c)]);
          if ((s < options.min_step && ds > 0) || (s > options.max_step && ds < 0)) ds = 0;
          ds_out[c] = static_cast<T>(ds);
        }
        if (x.requires_grad()) x.add_grad(std::move(dx));
        if (step.requires_grad()) step.add_grad(std::move(dstep));
      });
  result.set_quant(std::move(info));
  return result;
}

}  // namespace bitgrain
