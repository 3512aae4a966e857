#pragma once

#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/ops/gradient_buffer.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// 1 / (1 + exp(-x)); dx = dy y (1 - y). Traced as "sigmoid".
template <class T>
Var<T> sigmoid(const Var<T>& x) {
  detail::check_defined("sigmoid", "x", x);
  Tensor<T> y(x.shape());
  kernels::sigmoid(y.numel(), x.value().data(), y.mutable_data());
  const Saved<T> saved(y);
  const Var<T> result = make_result<T>("sigmoid", std::move(y), {x}, [x = x.slot(), saved](const Tensor<T>& dy) {
    Tensor<T> dx = detail::gradient_buffer(dy);
    kernels::map(
        dx.numel(), dx.mutable_data(), [](auto s, auto d) { return d * s * (decltype(s)(T{1}) - s); },
        saved.get().data(), dy.data());
    x.add_grad(std::move(dx));
  });
  trace<T>("sigmoid", {x}, result);
  return result;
}

}  // namespace bitgrain
