#pragma once

#include <algorithm>
#include <type_traits>
#include <vector>

#include "bitgrain/kernels/f32/conv2d_depthwise.hpp"
#include "bitgrain/kernels/f32/conv2d_depthwise_weights.hpp"
#include "bitgrain/kernels/f32/conv2d_direct.hpp"
#include "bitgrain/kernels/f32/conv2d_lines.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/f32/conv2d_pointwise.hpp"
#include "bitgrain/kernels/f32/conv2d_stem.hpp"
#include "bitgrain/kernels/f32/conv2d_stem_weights.hpp"
#include "bitgrain/kernels/f32/conv2d_weights.hpp"
#include "bitgrain/kernels/f32/reduce.hpp"
#include "bitgrain/kernels/f32/winograd.hpp"
#include "bitgrain/kernels/f32/winograd_weights.hpp"
#include "bitgrain/kernels/simd.hpp"
#include "bitgrain/kernels/winograd_setting.hpp"
#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain::kernels {

/// 2-D convolution (cross-correlation, as everywhere in deep learning), x [N,H,W,I], w [O,Kh,Kw,I/groups],
/// y [N,Ho,Wo,O]:
///
///     y[n,oh,ow,o] = bias[o] + sum over kh,kw,i of x[n, oh s - p + kh d, ow s - p + kw d, i] w[o,kh,kw,i]
///
/// where x is 0 outside the image and i runs over the channels of o's group. `bias` may be null. Throws Error if the
/// geometry is not a convolution.
template <class T, class Arch = DefaultArch>
void conv2d_forward(const ConvGeometry& g, const T* x, const T* w, std::type_identity_t<const T*> bias, T* y) {
  g.validate();
  if constexpr (kFromKernelSet<T, Arch>) return kernel_set().conv2d_forward(g, x, w, bias, y);
  if constexpr (std::is_same_v<T, float>)
    if (winograd_enabled() && winograd_wins(g)) return winograd_forward<Arch>(g, x, w, bias, y);
  if (is_depthwise(g)) return run_depthwise_forward<T, Arch>(g, x, w, bias, y);
  if (is_stem(g)) return run_stem<T, Arch>(g, x, w, bias, y);
  if (is_pointwise(g)) return pointwise_forward<T, Arch>(g, x, w, bias, y);
  const std::vector<ConvPlan> plans{plan_forward(g)};
  const auto run = fits_lines<T, Arch>(plans.front()) ? run_lines<T, Arch> : run_direct<T, Arch>;
  run(plans, forward_weight_steps(g), x, w, bias, y);
}

/// The gradient with respect to the input by direct sums, for operands of T.
template <class T, class Arch>
void run_backward_data(const ConvGeometry& g, const T* dy, const T* w, Sum<T>* dx) {
  const WeightSteps steps = backward_weight_steps(g);
  for (const bool merge : {true, false}) {
    if (merge && !columns_merge(g)) continue;
    const std::vector<ConvPlan> plans = plan_backward_data(g, merge);
    if (std::all_of(plans.begin(), plans.end(), fits_lines<T, Arch>))
      return run_lines<T, Arch>(plans, steps, dy, w, nullptr, dx);
  }
  run_direct<T, Arch>(plan_backward_data(g, false), steps, dy, w, nullptr, dx);
}

/// Gradient with respect to the input: dx[x] = sum over all (y,w) with which x[x] was multiplied. Overwrites dx.
template <class T, class Arch = DefaultArch>
void conv2d_backward_data(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  g.validate();
  if constexpr (kFromKernelSet<T, Arch>) return kernel_set().conv2d_backward_data(g, dy, w, dx);
  if constexpr (std::is_same_v<T, float>)
    if (winograd_enabled() && winograd_data_wins(g)) return winograd_backward_data<Arch>(g, dy, w, dx);
  if (is_depthwise(g)) return run_depthwise_backward_data<T, Arch>(g, dy, w, dx);
  if (is_pointwise(g)) return pointwise_backward_data<T, Arch>(g, dy, w, dx);
  run_backward_data<T, Arch>(g, dy, w, dx);
}

/// Gradient with respect to weights and bias: dw[w] = sum over all (x,y) of x dy; dbias[o] = sum of dy[..,o].
/// Overwrites dw and dbias; `dbias` may be null.
template <class T, class Arch = DefaultArch>
void conv2d_backward_weights(const ConvGeometry& g, const T* x, const T* dy, T* dw, std::type_identity_t<T*> dbias) {
  g.validate();
  if constexpr (kFromKernelSet<T, Arch>) return kernel_set().conv2d_backward_weights(g, x, dy, dw, dbias);
  const auto run = [&] {
    if constexpr (std::is_same_v<T, float>)
      if (winograd_enabled() && winograd_weights_win(g)) return winograd_backward_weights<Arch>(g, x, dy, dw);
    if (is_depthwise(g)) return run_depthwise_gradient<T, Arch>(g, x, dy, dw);
    if (is_stem(g)) return run_stem_gradient<T, Arch>(g, x, dy, dw);
    if (is_pointwise(g)) return pointwise_backward_weights<T, Arch>(g, x, dy, dw);
    run_weight_gradient<T, Arch>(plan_forward(g), x, dy, dw);
  };
  run();
  if (dbias) column_sum<T, Arch>(g.batch * g.out_h() * g.out_w(), g.out_channels, dy, dbias);
}

/// The instances of one element type and architecture (kernels/instances.hpp); `linkage` is extern, or empty.
#define BITGRAIN_CONV2D_INSTANCES(linkage, T, Arch)                                                     \
  linkage template void conv2d_forward<T, Arch>(const ConvGeometry&, const T*, const T*, const T*, T*); \
  linkage template void conv2d_backward_data<T, Arch>(const ConvGeometry&, const T*, const T*, T*);     \
  linkage template void conv2d_backward_weights<T, Arch>(const ConvGeometry&, const T*, const T*, T*, T*);

#if defined(BITGRAIN_EXTERN_KERNELS)
BITGRAIN_CONV2D_INSTANCES(extern, float, DefaultArch)
BITGRAIN_CONV2D_INSTANCES(extern, double, DefaultArch)
#endif

}  // namespace bitgrain::kernels
