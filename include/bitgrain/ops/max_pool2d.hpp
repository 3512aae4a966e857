#pragma once

#include <cstdint>
#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/max_pool2x2.hpp"
#include "bitgrain/kernels/f32/pool2d.hpp"
#include "bitgrain/ops/pass_codes.hpp"
#include "bitgrain/ops/pool_geometry.hpp"

namespace bitgrain {

namespace detail {

// Max pooling with windows of 2x2, of relu(x) if `relu`.
template <class T>
Var<T> max_pool2x2(const char* op, const Var<T>& x, const PoolGeometry& g, bool relu) {
  Tensor<T> y(Shape{g.batch, g.out_h(), g.out_w(), g.channels});
  Tensor<std::uint8_t> winners;
  if (grad_enabled() && x.requires_grad()) winners = Tensor<std::uint8_t>(y.shape());
  kernels::max_pool2x2_forward(g, relu, x.value().data(), y.mutable_data(), winners.mutable_data());
  return make_result<T>(op, std::move(y), {x}, [x = x.slot(), g, winners](const Tensor<T>& dy) {
    Tensor<T> dx(x.shape());
    kernels::max_pool2x2_backward(g, dy.data(), winners.data(), dx.mutable_data());
    x.add_grad(std::move(dx));
  });
}

// Max pooling with any windows.
template <class T>
Var<T> max_pool_any(const Var<T>& x, const PoolGeometry& g) {
  Tensor<T> y(Shape{g.batch, g.out_h(), g.out_w(), g.channels});
  Tensor<std::int32_t> winners;
  if (grad_enabled() && x.requires_grad()) winners = Tensor<std::int32_t>(y.shape());
  kernels::max_pool2d_forward(g, x.value().data(), y.mutable_data(), winners.mutable_data());
  return make_result<T>("max_pool2d", std::move(y), {x}, [x = x.slot(), g, winners](const Tensor<T>& dy) {
    Tensor<T> dx(x.shape());
    kernels::max_pool2d_backward(g, dy.data(), winners.data(), dx.mutable_data());
    x.add_grad(std::move(dx));
  });
}

}  // namespace detail

/// The largest element of every window of x [N,H,W,C], giving [N,Ho,Wo,C]. Padding never wins; of equal elements the
/// first in row-major order wins and receives the gradient. Integer codes pass on. Traced as "max_pool2d".
/// Throws Error when shapes do not fit.
template <class T>
Var<T> max_pool2d(const Var<T>& x, const Window2d& window) {
  const PoolGeometry g = pool2d_geometry("max_pool2d", x, window);
  Var<T> result = kernels::is_max_pool2x2(g) ? detail::max_pool2x2("max_pool2d", x, g, /*relu=*/false)
                                             : detail::max_pool_any(x, g);
  detail::pass_codes(x, result);
  OpAttributes attributes;
  attributes.pool = g;
  trace<T>("max_pool2d", {x}, result, std::move(attributes));
  return result;
}

}  // namespace bitgrain
