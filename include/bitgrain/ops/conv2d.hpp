#pragma once

#include <type_traits>
#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/bf16/conv2d.hpp"
#include "bitgrain/kernels/f32/conv2d.hpp"
#include "bitgrain/kernels/f32/reduce.hpp"
#include "bitgrain/ops/grad_precision.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// The geometry of a convolution of x [N,H,W,I] with w [O,Kh,Kw,I/groups]. Throws Error, naming `op`, when the
/// shapes, the window and the groups do not fit together.
inline ConvGeometry conv2d_geometry(const Shape& x, const Shape& w, const Window2d& window, std::int64_t groups = 1,
                                    const char* op = "conv2d") {
  BITGRAIN_CHECK(x.rank() == 4, op, ": x must be [N,H,W,C], got ", x);
  BITGRAIN_CHECK(w.rank() == 4, op, ": w must be [O,Kh,Kw,I/groups], got ", w);
  BITGRAIN_CHECK(w[1] == window.kernel_h && w[2] == window.kernel_w, op, ": w ", w, " does not hold kernels of ",
                 window.kernel_h, "x", window.kernel_w);
  ConvGeometry g;
  g.batch = x[0], g.in_h = x[1], g.in_w = x[2], g.in_channels = x[3];
  g.out_channels = w[0];
  g.window = window;
  g.groups = groups;
  g.validate(op);
  BITGRAIN_CHECK(g.group_in() == w[3], op, ": x ", x, " in ", groups, " groups needs weights of ", g.group_in(),
                 " input channels, got w ", w);
  return g;
}

namespace detail {

template <class T>
void conv2d_weight_gradient(const ConvGeometry& g, const T* x, const T* dy, T* dw, T* dbias) {
  if constexpr (std::is_same_v<T, float>)
    if (grad_precision() == GradPrecision::bf16) return kernels::conv2d_backward_weights_bf16(g, x, dy, dw, dbias);
  kernels::conv2d_backward_weights(g, x, dy, dw, dbias);
}

template <class T>
void conv2d_input_gradient(const ConvGeometry& g, const Tensor<T>& dy, const Tensor<T>& w, T* dx) {
  if constexpr (std::is_same_v<T, float>)
    if (grad_precision() == GradPrecision::bf16)
      return kernels::conv2d_backward_data_bf16(g, dy.data(), w.data(), dx);
  kernels::conv2d_backward_data(g, dy.data(), w.data(), dx);
}

}  // namespace detail

/// The backward function of a convolution, for `make_result`. Ops that compute the forward pass in another way (on
/// integer codes, fused with something) share it: the gradients are those of the real numbers x and w.
///
///     dx = dy (*) w^T       dw = x (*) dy       dbias = sum of dy over all pixels
///
/// In float they are calculated in the precision of set_grad_precision.
template <class T>
auto conv2d_backward(const ConvGeometry& g, const Var<T>& x, const Var<T>& w, const Var<T>& bias) {
  // dx needs w and dw needs x: what no gradient needs is not held.
  const Saved<T> saved_x = w.requires_grad() ? Saved<T>(x) : Saved<T>();
  const Saved<T> saved_w(x.requires_grad() ? w.value() : Tensor<T>());
  return [g, x = x.slot(), w = w.slot(), bias = bias.slot(), saved_x, saved_w](const Tensor<T>& dy) {
    const bool bias_gradient = bias.requires_grad();
    if (w.requires_grad()) {
      Tensor<T> dw(w.shape()), dbias;
      if (bias_gradient) dbias = Tensor<T>(bias.shape());
      detail::conv2d_weight_gradient(g, saved_x.get().data(), dy.data(), dw.mutable_data(), dbias.mutable_data());
      w.add_grad(std::move(dw));
      if (bias_gradient) bias.add_grad(std::move(dbias));
    } else if (bias_gradient) {
      Tensor<T> dbias(bias.shape());
      kernels::column_sum(dy.numel() / g.out_channels, g.out_channels, dy.data(), dbias.mutable_data());
      bias.add_grad(std::move(dbias));
    }
    if (x.requires_grad()) {
      Tensor<T> dx(x.shape());
      detail::conv2d_input_gradient(g, dy, saved_w.get(), dx.mutable_data());
      x.add_grad(std::move(dx));
    }
  };
}

/// 2-D convolution of x [N,H,W,I] with w [O,Kh,Kw,I/groups] and an optional bias [O] (an undefined Var: none), giving
/// [N,Ho,Wo,O]. Stride, zero padding and dilation come with `window`, whose kernel must be that of w. groups = I is
/// depthwise. Traced as "conv2d". Throws Error when shapes do not fit.
template <class T>
Var<T> conv2d(const Var<T>& x, const Var<T>& w, const Var<T>& bias, const Window2d& window, std::int64_t groups = 1) {
  detail::check_defined("conv2d", "x", x);
  detail::check_defined("conv2d", "w", w);
  const ConvGeometry g = conv2d_geometry(x.shape(), w.shape(), window, groups);
  if (bias.defined()) detail::check_vector("conv2d", "bias", bias, g.out_channels);

  Tensor<T> y(Shape{g.batch, g.out_h(), g.out_w(), g.out_channels});
  kernels::conv2d_forward(g, x.value().data(), w.value().data(), bias.defined() ? bias.value().data() : nullptr,
                          y.mutable_data());
  const Var<T> result = make_result<T>("conv2d", std::move(y), {x, w, bias}, conv2d_backward(g, x, w, bias));
  OpAttributes attributes;
  attributes.conv = g;
  trace<T>("conv2d", {x, w, bias}, result, std::move(attributes));
  return result;
}

}  // namespace bitgrain
