#pragma once

/// The uniform fake-quantization op that UniformSte and Lsq share.

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/autograd/ste.hpp"
#include "bitgrain/autograd/var.hpp"
#include "bitgrain/kernels/f32/quantize.hpp"
#include "bitgrain/ops/gradient_buffer.hpp"
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

/// What a quantizer of one step does to the next tensor; see quant/quantizer.hpp.
template <class T>
struct UniformQuantization {
  Var<T> step;
  FakeQuantizeOptions options;
};
template <class Q>
std::optional<UniformQuantization<typename Q::Scalar>> quantizer_uniform(Q& q, const Shape& shape) {
  if constexpr (requires { q.uniform(shape); }) return q.uniform(shape);
  return std::nullopt;
}

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

// The step that acts: the stored one, clamped to its bounds.
template <class T>
T effective_step(T step, const FakeQuantizeOptions& o, std::int64_t channel = -1) {
  const T s = std::min(std::max(step, static_cast<T>(o.min_step)), static_cast<T>(o.max_step));
  BITGRAIN_CHECK(s > 0 && std::isfinite(s), "fake_quantize: the step size must be positive and finite, got ", s,
                 channel >= 0 ? " in channel " + std::to_string(channel) : std::string());
  return s;
}
// dL/dstep from the raw sum of the kernels. Of a step outside its bounds it passes only if descent leads back inside.
template <class T>
T step_gradient(double raw, T stored_step, const FakeQuantizeOptions& o) {
  const double ds = raw * o.step_gradient_scale, s = static_cast<double>(stored_step);
  return (s < o.min_step && ds > 0) || (s > o.max_step && ds < 0) ? T{0} : static_cast<T>(ds);
}
// Whether the codes are bytes 0 .. 2^bits - 1 as the kernels write them.
inline bool quantizes_to_bytes(const FakeQuantizeOptions& o) {
  return o.grid == Grid::kUnsigned && o.bits <= 8 && o.rule.rounding == kernels::Rounding::kHalfUp &&
         o.rule.low + o.zero_point >= 0 && o.rule.high + o.zero_point <= 255;
}
template <class T>
std::shared_ptr<QuantInfo> quant_info(const FakeQuantizeOptions& o, const std::vector<T>& steps) {
  return std::make_shared<QuantInfo>(
      QuantInfo{o.grid, o.bits, std::vector<double>(steps.begin(), steps.end()), o.zero_point});
}
}  // namespace detail

/// y = step * round(clamp(x / step, low, high)), straight-through gradients (kernels/f32/quantize.hpp). `step` is one
/// positive value, or one per leading index of x (per output channel of weights). The result carries its codes; where
/// they are unsigned bytes of one step it is nothing but these bytes, until somebody asks for values.
///
/// A step outside [min_step, max_step] acts as the bound; its gradient then passes only if descent leads back inside.
template <class T>
Var<T> fake_quantize(const Var<T>& x, const Var<T>& step, const FakeQuantizeOptions& options) {
  const std::int64_t steps = step.numel();
  BITGRAIN_CHECK(steps == 1 || (x.shape().rank() >= 1 && steps == x.shape()[0]), "fake_quantize: ", steps,
                 " steps for a tensor of shape ", x.shape(), "; expected 1 or one per leading index");
  const std::int64_t per_step = x.numel() / steps;
  std::vector<T> effective;
  for (std::int64_t c = 0; c < steps; ++c)
    effective.push_back(detail::effective_step(step.value()[c], options, steps > 1 ? c : -1));
  const auto info = detail::quant_info(options, effective);

  Var<T> y;
  if (steps == 1 && detail::quantizes_to_bytes(options) && !rounding_is_frozen()) {
    Tensor<std::uint8_t> bytes(x.shape());
    kernels::quantize_to_bytes(per_step, x.value().data(), effective[0], options.rule, options.zero_point,
                               bytes.mutable_data());
    y = Var<T>::of_codes(std::move(bytes), info);
  } else {
    Tensor<T> values(x.shape());
    T* out = values.mutable_data();
    for (std::int64_t c = 0; c < steps; ++c) {
      const T s = effective[static_cast<std::size_t>(c)];
      if (rounding_is_frozen())
        detail::quantize_frozen(per_step, x.value().data() + c * per_step, s, options.rule, out + c * per_step);
      else
        kernels::quantize_forward(per_step, x.value().data() + c * per_step, s, options.rule, out + c * per_step);
    }
    y = Var<T>(std::move(values));
    y.set_quant(info);
  }
  const Saved<T> saved(x.value()), saved_step(step.value());
  return make_result<T>(
      "fake_quantize", std::move(y), {x, step},
      [x = x.slot(), step = step.slot(), saved, saved_step, effective = std::move(effective), options,
       per_step](const Tensor<T>& dy) {
        Tensor<T> dx = detail::gradient_buffer(dy);
        Tensor<T> dstep(step.shape());
        T* dx_out = dx.mutable_data();
        T* ds_out = dstep.mutable_data();
        for (std::size_t c = 0; c < effective.size(); ++c) {
          const std::int64_t at = static_cast<std::int64_t>(c) * per_step;
          const double raw = kernels::quantize_backward(per_step, saved.get().data() + at, dy.data() + at,
                                                        effective[c], options.rule, dx_out + at);
          ds_out[c] = detail::step_gradient(raw, saved_step.get()[static_cast<std::int64_t>(c)], options);
        }
        if (x.requires_grad()) x.add_grad(std::move(dx));
        if (step.requires_grad()) step.add_grad(std::move(dstep));
      });
}

}  // namespace bitgrain
