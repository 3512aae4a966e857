#pragma once

#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/kernels/f32/gemm.hpp"
#include "bitgrain/kernels/f32/reduce.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// The geometry under which a linear layer x [N,K], w [O,K] is traced and lowered: a 1x1 convolution of a 1x1 image.
/// Throws Error, naming `op`, when the shapes do not fit.
inline ConvGeometry linear_geometry(const Shape& x, const Shape& w, const char* op = "linear") {
  BITGRAIN_CHECK(x.rank() == 2, op, ": x must be [N,K], got ", x);
  BITGRAIN_CHECK(w.rank() == 2, op, ": w must be [O,K], got ", w);
  BITGRAIN_CHECK(x[1] == w[1], op, ": x ", x, " has ", x[1], " features, w ", w, " takes ", w[1]);
  ConvGeometry g;
  g.batch = x[0];
  g.in_channels = x[1];
  g.out_channels = w[0];
  return g;
}

/// The backward function of a linear layer, for `make_result`: dx = dy w, dw = dy^T x, dbias = sum of the rows of dy.
/// Ops that compute the forward pass in another way (on integer codes) share it.
template <class T>
auto linear_backward(const Var<T>& x, const Var<T>& w, const Var<T>& bias) {
  const Saved<T> saved_x = w.requires_grad() ? Saved<T>(x) : Saved<T>();
  const Saved<T> saved_w(x.requires_grad() ? w.value() : Tensor<T>());
  return [x = x.slot(), w = w.slot(), bias = bias.slot(), saved_x, saved_w](const Tensor<T>& dy) {
    const std::int64_t n = x.shape()[0], k = x.shape()[1], o = w.shape()[0];
    if (bias.requires_grad()) {
      Tensor<T> dbias(bias.shape());
      kernels::column_sum(n, o, dy.data(), dbias.mutable_data());
      bias.add_grad(std::move(dbias));
    }
    if (w.requires_grad()) {
      Tensor<T> dw(w.shape());
      kernels::gemm(true, false, o, k, n, 1, dy.data(), o, saved_x.get().data(), k, 0, dw.mutable_data(), k);
      w.add_grad(std::move(dw));
    }
    if (x.requires_grad()) {
      Tensor<T> dx(x.shape());
      kernels::gemm(false, false, n, k, o, 1, dy.data(), o, saved_w.get().data(), k, 0, dx.mutable_data(), k);
      x.add_grad(std::move(dx));
    }
  };
}

/// y = x w^T + bias for x [N,K], w [O,K] and an optional bias [O] (an undefined Var: none), giving [N,O]. Traced as
/// "linear". Throws Error when shapes do not fit.
template <class T>
Var<T> linear(const Var<T>& x, const Var<T>& w, const Var<T>& bias = {}) {
  detail::check_defined("linear", "x", x);
  detail::check_defined("linear", "w", w);
  const ConvGeometry g = linear_geometry(x.shape(), w.shape());
  const std::int64_t n = g.batch, k = g.in_channels, o = g.out_channels;
  if (bias.defined()) detail::check_vector("linear", "bias", bias, o);

  Tensor<T> y(Shape{n, o});
  T* out = y.mutable_data();
  kernels::gemm(false, true, n, o, k, 1, x.value().data(), k, w.value().data(), k, 0, out, o);
  if (bias.defined()) kernels::add_row(n, o, out, bias.value().data(), out);
  const Var<T> result = make_result<T>("linear", std::move(y), {x, w, bias}, linear_backward(x, w, bias));
  OpAttributes attributes;
  attributes.conv = g;
  trace<T>("linear", {x, w, bias}, result, std::move(attributes));
  return result;
}

}  // namespace bitgrain
