#pragma once

#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/reduce.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// The sum of all elements, a scalar (shape []). Added up in double, in an order that does not depend on threads.
/// Traced as "sum".
template <class T>
Var<T> sum(const Var<T>& x) {
  detail::check_defined("sum", "x", x);
  const auto total = static_cast<T>(kernels::sum(x.numel(), x.value().data()));
  const Var<T> result = make_result<T>("sum", Tensor<T>(Shape{}, total), {x}, [x = x.slot()](const Tensor<T>& dy) {
    x.add_grad(Tensor<T>(x.shape(), dy.item()));
  });
  trace<T>("sum", {x}, result);
  return result;
}

}  // namespace bitgrain
