#pragma once

#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/ops/gradient_buffer.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// The natural logarithm; dx = dy / x. Traced as "log".
template <class T>
Var<T> log(const Var<T>& x) {
  detail::check_defined("log", "x", x);
  Tensor<T> y(x.shape());
  kernels::log(y.numel(), x.value().data(), y.mutable_data());
  const Saved<T> saved(x.value());
  const Var<T> result = make_result<T>("log", std::move(y), {x}, [x = x.slot(), saved](const Tensor<T>& dy) {
    Tensor<T> dx = detail::gradient_buffer(dy);
    kernels::divide(dx.numel(), dy.data(), saved.get().data(), dx.mutable_data());
    x.add_grad(std::move(dx));
  });
  trace<T>("log", {x}, result);
  return result;
}

}  // namespace bitgrain
