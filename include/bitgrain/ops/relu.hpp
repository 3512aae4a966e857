#pragma once

#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/ops/gradient_buffer.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// max(x, 0). The gradient at 0 is 0. Traced as "relu".
template <class T>
Var<T> relu(const Var<T>& x) {
  detail::check_defined("relu", "x", x);
  Tensor<T> y(x.shape());
  kernels::relu(y.numel(), x.value().data(), y.mutable_data());
  const Saved<T> saved(y);
  const Var<T> result = make_result<T>("relu", std::move(y), {x}, [x = x.slot(), saved](const Tensor<T>& dy) {
    Tensor<T> dx = detail::gradient_buffer(dy);
    // y > 0 exactly where x > 0, and y is what the next op keeps anyway.
    kernels::relu_backward(dx.numel(), saved.get().data(), dy.data(), dx.mutable_data());
    x.add_grad(std::move(dx));
  });
  trace<T>("relu", {x}, result);
  return result;
}

}  // namespace bitgrain
