#pragma once

#include <type_traits>
#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/ops/gradient_buffer.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// a * b, element by element, for one shape. Traced as "mul". Throws Error when shapes differ.
template <class T>
Var<T> mul(const Var<T>& a, const Var<T>& b) {
  detail::check_same_shape("mul", a, b);
  Tensor<T> y(a.shape());
  kernels::multiply(y.numel(), a.value().data(), b.value().data(), y.mutable_data());
  const Saved<T> saved_a(b.requires_grad() ? a.value() : Tensor<T>());
  const Saved<T> saved_b(a.requires_grad() ? b.value() : Tensor<T>());
  const Var<T> result = make_result<T>(
      "mul", std::move(y), {a, b}, [a = a.slot(), b = b.slot(), saved_a, saved_b](const Tensor<T>& dy) {
        if (a.requires_grad()) {
          Tensor<T> da = b.requires_grad() ? Tensor<T>(dy.shape()) : detail::gradient_buffer(dy);
          kernels::multiply(da.numel(), dy.data(), saved_b.get().data(), da.mutable_data());
          a.add_grad(std::move(da));
        }
        if (b.requires_grad()) {
          Tensor<T> db = detail::gradient_buffer(dy);
          kernels::multiply(db.numel(), dy.data(), saved_a.get().data(), db.mutable_data());
          b.add_grad(std::move(db));
        }
      });
  trace<T>("mul", {a, b}, result);
  return result;
}

/// x * factor. Traced as "mul_scalar" with attributes scale = {factor}, shift = {0}.
template <class T>
Var<T> mul(const Var<T>& x, std::type_identity_t<T> factor) {
  detail::check_defined("mul", "x", x);
  Tensor<T> y(x.shape());
  kernels::scale(y.numel(), factor, x.value().data(), y.mutable_data());
  const Var<T> result = make_result<T>("mul_scalar", std::move(y), {x}, [x = x.slot(), factor](const Tensor<T>& dy) {
    Tensor<T> dx = detail::gradient_buffer(dy);
    kernels::scale(dx.numel(), factor, dy.data(), dx.mutable_data());
    x.add_grad(std::move(dx));
  });
  OpAttributes attributes;
  attributes.scale = {static_cast<double>(factor)};
  attributes.shift = {0};
  trace<T>("mul_scalar", {x}, result, std::move(attributes));
  return result;
}

template <class T>
Var<T> operator*(const Var<T>& a, const Var<T>& b) {
  return mul(a, b);
}
template <class T>
Var<T> operator*(const Var<T>& x, std::type_identity_t<T> factor) {
  return mul(x, factor);
}
template <class T>
Var<T> operator*(std::type_identity_t<T> factor, const Var<T>& x) {
  return mul(x, factor);
}
template <class T>
Var<T> operator-(const Var<T>& x) {
  return mul(x, T{-1});
}

}  // namespace bitgrain
