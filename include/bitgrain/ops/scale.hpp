#pragma once

#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/kernels/f32/reduce.hpp"
#include "bitgrain/ops/gradient_buffer.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// y = s x with a learned scalar s (one element, any rank): dx = s dy, ds = sum of x dy. Traced as "scale".
/// Throws Error unless s is a single element.
template <class T>
Var<T> scale(const Var<T>& x, const Var<T>& s) {
  detail::check_defined("scale", "x", x);
  detail::check_defined("scale", "s", s);
  BITGRAIN_CHECK(s.numel() == 1, "scale: s must be a single element, got ", s.shape());
  const T factor = s.item();
  Tensor<T> y(x.shape());
  kernels::scale(y.numel(), factor, x.value().data(), y.mutable_data());
  const Saved<T> saved_x(s.requires_grad() ? x.value() : Tensor<T>());
  const Var<T> result = make_result<T>(
      "scale", std::move(y), {x, s}, [x = x.slot(), s = s.slot(), saved_x, factor](const Tensor<T>& dy) {
        if (s.requires_grad())
          s.add_grad(Tensor<T>(s.shape(), static_cast<T>(kernels::dot(dy.numel(), dy.data(), saved_x.get().data()))));
        if (x.requires_grad()) {
          Tensor<T> dx = detail::gradient_buffer(dy);
          kernels::scale(dx.numel(), factor, dy.data(), dx.mutable_data());
          x.add_grad(std::move(dx));
        }
      });
  trace<T>("scale", {x, s}, result);
  return result;
}

}  // namespace bitgrain
