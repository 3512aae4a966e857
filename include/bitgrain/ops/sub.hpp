#pragma once

#include <type_traits>
#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/ops/add.hpp"
#include "bitgrain/ops/gradient_buffer.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// a - b for one shape. Traced as "sub". Throws Error when shapes differ.
template <class T>
Var<T> sub(const Var<T>& a, const Var<T>& b) {
  detail::check_same_shape("sub", a, b);
  Tensor<T> y(a.shape());
  kernels::subtract(y.numel(), a.value().data(), b.value().data(), y.mutable_data());
  const Var<T> result =
      make_result<T>("sub", std::move(y), {a, b}, [a = a.slot(), b = b.slot()](const Tensor<T>& dy) {
        if (b.requires_grad()) {
          // Not in place: a may take over dy itself.
          Tensor<T> db(dy.shape());
          kernels::scale(db.numel(), -1, dy.data(), db.mutable_data());
          b.add_grad(std::move(db));
        }
        if (a.requires_grad()) a.add_grad(dy);
      });
  trace<T>("sub", {a, b}, result);
  return result;
}

/// x - value. Traced as "add_scalar".
template <class T>
Var<T> sub(const Var<T>& x, std::type_identity_t<T> value) {
  return add(x, -value);
}

/// value - x. Traced as "sub_scalar" with attributes scale = {-1}, shift = {value}.
template <class T>
Var<T> sub(std::type_identity_t<T> value, const Var<T>& x) {
  detail::check_defined("sub", "x", x);
  Tensor<T> y(x.shape());
  kernels::map(
      y.numel(), y.mutable_data(), [value](auto v) { return decltype(v)(value) - v; }, x.value().data());
  const Var<T> result = make_result<T>("sub_scalar", std::move(y), {x}, [x = x.slot()](const Tensor<T>& dy) {
    Tensor<T> dx = detail::gradient_buffer(dy);
    kernels::scale(dx.numel(), -1, dy.data(), dx.mutable_data());
    x.add_grad(std::move(dx));
  });
  OpAttributes attributes;
  attributes.scale = {-1};
  attributes.shift = {static_cast<double>(value)};
  trace<T>("sub_scalar", {x}, result, std::move(attributes));
  return result;
}

template <class T>
Var<T> operator-(const Var<T>& a, const Var<T>& b) {
  return sub(a, b);
}
template <class T>
Var<T> operator-(const Var<T>& x, std::type_identity_t<T> value) {
  return sub(x, value);
}
template <class T>
Var<T> operator-(std::type_identity_t<T> value, const Var<T>& x) {
  return sub(value, x);
}

}  // namespace bitgrain
