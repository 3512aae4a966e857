#pragma once

#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/ops/gradient_buffer.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// min(max(x, 0), 6). The gradient passes where 0 < x < 6. Traced as "relu6" with attributes low = 0, high = 6.
template <class T>
Var<T> relu6(const Var<T>& x) {
  detail::check_defined("relu6", "x", x);
  Tensor<T> y(x.shape());
  kernels::clip(y.numel(), x.value().data(), 0, 6, y.mutable_data());
  const Saved<T> saved(y);  // 0 < y < 6 exactly where 0 < x < 6
  const Var<T> result = make_result<T>("relu6", std::move(y), {x}, [x = x.slot(), saved](const Tensor<T>& dy) {
    Tensor<T> dx = detail::gradient_buffer(dy);
    kernels::clip_backward(dx.numel(), saved.get().data(), 0, 6, dy.data(), dx.mutable_data());
    x.add_grad(std::move(dx));
  });
  OpAttributes attributes;
  attributes.high = 6;
  trace<T>("relu6", {x}, result, std::move(attributes));
  return result;
}

}  // namespace bitgrain
