#pragma once

#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/softmax.hpp"
#include "bitgrain/ops/gradient_buffer.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// exp(x) / sum of exp(x) over the last dimension; dx = y (dy - sum of y dy). Traced as "softmax". Throws Error for
/// rank 0.
template <class T>
Var<T> softmax(const Var<T>& x) {
  detail::check_defined("softmax", "x", x);
  BITGRAIN_CHECK(x.shape().rank() >= 1, "softmax: x must have a last dimension, got ", x.shape());
  const std::int64_t classes = x.shape()[-1], rows = classes > 0 ? x.numel() / classes : 0;
  Tensor<T> y(x.shape());
  kernels::softmax(rows, classes, x.value().data(), y.mutable_data());
  const Saved<T> saved(y);
  const Var<T> result =
      make_result<T>("softmax", std::move(y), {x}, [x = x.slot(), saved, rows, classes](const Tensor<T>& dy) {
        Tensor<T> dx = detail::gradient_buffer(dy);
        kernels::softmax_backward(rows, classes, saved.get().data(), dy.data(), dx.mutable_data());
        x.add_grad(std::move(dx));
      });
  trace<T>("softmax", {x}, result);
  return result;
}

}  // namespace bitgrain
