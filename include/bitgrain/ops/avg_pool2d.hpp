#pragma once

#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/pool2d.hpp"
#include "bitgrain/ops/pool_geometry.hpp"

namespace bitgrain {

/// The mean of every window of x [N,H,W,C], giving [N,Ho,Wo,C]. Padding counts as zeros and the divisor is always
/// kernel_h kernel_w (PyTorch's count_include_pad). Traced as "avg_pool2d". Throws Error when shapes do not fit.
template <class T>
Var<T> avg_pool2d(const Var<T>& x, const Window2d& window) {
  const PoolGeometry g = pool2d_geometry("avg_pool2d", x, window);
  Tensor<T> y(Shape{g.batch, g.out_h(), g.out_w(), g.channels});
  kernels::avg_pool2d_forward(g, x.value().data(), y.mutable_data());
  const Var<T> result = make_result<T>("avg_pool2d", std::move(y), {x}, [x = x.slot(), g](const Tensor<T>& dy) {
    Tensor<T> dx(x.shape());
    kernels::avg_pool2d_backward(g, dy.data(), dx.mutable_data());
    x.add_grad(std::move(dx));
  });
  OpAttributes attributes;
  attributes.pool = g;
  trace<T>("avg_pool2d", {x}, result, std::move(attributes));
  return result;
}

}  // namespace bitgrain
