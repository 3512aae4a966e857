#pragma once

#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/ops/gradient_buffer.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// e^x; dx = dy y. Traced as "exp".
template <class T>
Var<T> exp(const Var<T>& x) {
  detail::check_defined("exp", "x", x);
  Tensor<T> y(x.shape());
  kernels::exp(y.numel(), x.value().data(), y.mutable_data());
  const Saved<T> saved(y);
  const Var<T> result = make_result<T>("exp", std::move(y), {x}, [x = x.slot(), saved](const Tensor<T>& dy) {
    Tensor<T> dx = detail::gradient_buffer(dy);
    kernels::multiply(dx.numel(), dy.data(), saved.get().data(), dx.mutable_data());
    x.add_grad(std::move(dx));
  });
  trace<T>("exp", {x}, result);
  return result;
}

}  // namespace bitgrain
