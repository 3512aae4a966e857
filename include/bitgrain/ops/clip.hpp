#pragma once

#include <type_traits>
#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/ops/gradient_buffer.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// min(max(x, low), high). The gradient passes where low <= x <= high, both ends included (PyTorch's clamp). Traced
/// as "clip" with attributes low and high. Throws Error if low > high.
template <class T>
Var<T> clip(const Var<T>& x, std::type_identity_t<T> low, std::type_identity_t<T> high) {
  detail::check_defined("clip", "x", x);
  BITGRAIN_CHECK(low <= high, "clip: low must not exceed high, got ", low, " and ", high);
  Tensor<T> y(x.shape());
  kernels::clip(y.numel(), x.value().data(), low, high, y.mutable_data());
  const Saved<T> saved(x.value());  // y does not tell whether x was at an end or beyond it
  const Var<T> result =
      make_result<T>("clip", std::move(y), {x}, [x = x.slot(), saved, low, high](const Tensor<T>& dy) {
        Tensor<T> dx = detail::gradient_buffer(dy);
        kernels::map(
            dx.numel(), dx.mutable_data(),
            [low, high](auto v, auto d) {
              using V = decltype(v);
              const V zero(T{0});
              return select(v < V(low), zero, select(v > V(high), zero, d));
            },
            saved.get().data(), dy.data());
        x.add_grad(std::move(dx));
      });
  OpAttributes attributes;
  attributes.low = static_cast<double>(low);
  attributes.high = static_cast<double>(high);
  trace<T>("clip", {x}, result, std::move(attributes));
  return result;
}

}  // namespace bitgrain
