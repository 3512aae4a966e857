#pragma once

#include <initializer_list>
#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/ops/pass_codes.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

namespace detail {
template <class T>
Var<T> reshape_as(const char* op, const Var<T>& x, const Shape& shape) {
  BITGRAIN_CHECK(shape.numel() == x.numel(), op, ": ", x.shape(), " has ", x.numel(), " elements, ", shape, " holds ",
                 shape.numel());
  Var<T> reshaped = x.has_code_bytes() ? Var<T>::of_codes(x.code_bytes().reshape(shape), x.quant())
                                       : Var<T>(x.value().reshape(shape));
  Var<T> result = make_result<T>(op, std::move(reshaped), {x},
                                 [x = x.slot()](const Tensor<T>& dy) { x.add_grad(dy.reshape(x.shape())); });
  pass_codes(x, result);
  trace<T>(op, {x}, result);
  return result;
}
}  // namespace detail

/// The same elements under another shape; shares storage. Integer codes pass on. Traced as "reshape". Throws Error
/// when the number of elements differs.
template <class T>
Var<T> reshape(const Var<T>& x, const Shape& shape) {
  detail::check_defined("reshape", "x", x);
  return detail::reshape_as("reshape", x, shape);
}
/// One extent may be -1: it is inferred.
template <class T>
Var<T> reshape(const Var<T>& x, std::initializer_list<std::int64_t> extents) {
  detail::check_defined("reshape", "x", x);
  return detail::reshape_as("reshape", x, x.value().reshape(extents).shape());
}

}  // namespace bitgrain
