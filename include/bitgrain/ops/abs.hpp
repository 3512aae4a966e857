#pragma once

#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/ops/gradient_buffer.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// |x|; the gradient is the sign of x, and 0 at 0. Traced as "abs".
template <class T>
Var<T> abs(const Var<T>& x) {
  detail::check_defined("abs", "x", x);
  Tensor<T> y(x.shape());
  kernels::map(
      y.numel(), y.mutable_data(), [](auto v) { return abs(v); }, x.value().data());
  const Saved<T> saved(x.value());
  const Var<T> result = make_result<T>("abs", std::move(y), {x}, [x = x.slot(), saved](const Tensor<T>& dy) {
    Tensor<T> dx = detail::gradient_buffer(dy);
    kernels::map(
        dx.numel(), dx.mutable_data(),
        [](auto v, auto d) {
          using V = decltype(v);
          const V zero(T{0});
          return select(v > zero, d, select(v < zero, -d, zero));
        },
        saved.get().data(), dy.data());
    x.add_grad(std::move(dx));
  });
  trace<T>("abs", {x}, result);
  return result;
}

}  // namespace bitgrain
