#pragma once

#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/ops/gradient_buffer.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// The hyperbolic tangent; dx = dy (1 - y^2). Traced as "tanh".
template <class T>
Var<T> tanh(const Var<T>& x) {
  detail::check_defined("tanh", "x", x);
  Tensor<T> y(x.shape());
  kernels::tanh(y.numel(), x.value().data(), y.mutable_data());
  const Saved<T> saved(y);
  const Var<T> result = make_result<T>("tanh", std::move(y), {x}, [x = x.slot(), saved](const Tensor<T>& dy) {
    Tensor<T> dx = detail::gradient_buffer(dy);
    kernels::map(
        dx.numel(), dx.mutable_data(), [](auto t, auto d) { return d * (decltype(t)(T{1}) - t * t); },
        saved.get().data(), dy.data());
    x.add_grad(std::move(dx));
  });
  trace<T>("tanh", {x}, result);
  return result;
}

}  // namespace bitgrain
