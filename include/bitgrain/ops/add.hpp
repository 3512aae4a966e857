#pragma once

#include <type_traits>
#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/kernels/f32/reduce.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

namespace detail {
// a [..., C] + b [C].
template <class T>
Var<T> add_bias(const Var<T>& a, const Var<T>& b) {
  const std::int64_t channels = b.numel(), rows = channels > 0 ? a.numel() / channels : 0;
  Tensor<T> y(a.shape());
  kernels::add_row(rows, channels, a.value().data(), b.value().data(), y.mutable_data());
  const Var<T> result = make_result<T>("add_bias", std::move(y), {a, b},
                                       [a = a.slot(), b = b.slot(), rows, channels](const Tensor<T>& dy) {
                                         if (b.requires_grad()) {
                                           Tensor<T> db(b.shape());
                                           kernels::column_sum(rows, channels, dy.data(), db.mutable_data());
                                           b.add_grad(std::move(db));
                                         }
                                         if (a.requires_grad()) a.add_grad(dy);
                                       });
  trace<T>("add_bias", {a, b}, result);
  return result;
}
}  // namespace detail

/// a + b for one shape (traced as "add"), or a [..., C] plus a bias b [C] on the last dimension (traced as
/// "add_bias"). Throws Error for any other shapes.
template <class T>
Var<T> add(const Var<T>& a, const Var<T>& b) {
  detail::check_defined("add", "the first input", a);
  detail::check_defined("add", "the second input", b);
  if (b.shape().rank() == 1 && a.shape().rank() > 1 && a.shape()[-1] == b.shape()[0]) return detail::add_bias(a, b);
  detail::check_same_shape("add", a, b);
  Tensor<T> y(a.shape());
  kernels::add(y.numel(), a.value().data(), b.value().data(), y.mutable_data());
  // Both inputs may take over the same gradient tensor: add_grad copies when it must write into a shared one.
  const Var<T> result =
      make_result<T>("add", std::move(y), {a, b}, [a = a.slot(), b = b.slot()](const Tensor<T>& dy) {
        if (a.requires_grad()) a.add_grad(dy);
        if (b.requires_grad()) b.add_grad(dy);
      });
  trace<T>("add", {a, b}, result);
  return result;
}

/// x + value. Traced as "add_scalar" with attributes scale = {1}, shift = {value}.
template <class T>
Var<T> add(const Var<T>& x, std::type_identity_t<T> value) {
  detail::check_defined("add", "x", x);
  Tensor<T> y(x.shape());
  kernels::add_scalar(y.numel(), x.value().data(), value, y.mutable_data());
  const Var<T> result =
      make_result<T>("add_scalar", std::move(y), {x}, [x = x.slot()](const Tensor<T>& dy) { x.add_grad(dy); });
  OpAttributes attributes;
  attributes.scale = {1};
  attributes.shift = {static_cast<double>(value)};
  trace<T>("add_scalar", {x}, result, std::move(attributes));
  return result;
}

template <class T>
Var<T> operator+(const Var<T>& a, const Var<T>& b) {
  return add(a, b);
}
template <class T>
Var<T> operator+(const Var<T>& x, std::type_identity_t<T> value) {
  return add(x, value);
}
template <class T>
Var<T> operator+(std::type_identity_t<T> value, const Var<T>& x) {
  return add(x, value);
}

}  // namespace bitgrain
