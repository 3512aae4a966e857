#pragma once

#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/reduce.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// The mean of all elements, a scalar (shape []). Traced as "mean". Throws Error if there are none.
template <class T>
Var<T> mean(const Var<T>& x) {
  detail::check_defined("mean", "x", x);
  BITGRAIN_CHECK(x.numel() > 0, "mean: there is no mean of no elements, x is ", x.shape());
  const auto count = static_cast<double>(x.numel());
  const auto value = static_cast<T>(kernels::sum(x.numel(), x.value().data()) / count);
  const Var<T> result =
      make_result<T>("mean", Tensor<T>(Shape{}, value), {x}, [x = x.slot(), count](const Tensor<T>& dy) {
        x.add_grad(Tensor<T>(x.shape(), static_cast<T>(static_cast<double>(dy.item()) / count)));
      });
  trace<T>("mean", {x}, result);
  return result;
}

}  // namespace bitgrain
