#pragma once

#include <cstdint>
#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/max_pool2x2.hpp"
#include "bitgrain/kernels/f32/pool2d.hpp"
#include "bitgrain/ops/pass_codes.hpp"
#include "bitgrain/ops/pool_geometry.hpp"

namespace bitgrain {

namespace detail {

// The result of pooling: codes by `of_codes(x, y)` where x is nothing but codes, else numbers by `of_values(x, y)`.
template <class T, class OfCodes, class OfValues>
Var<T> pooled(const Var<T>& x, const PoolGeometry& g, OfCodes of_codes, OfValues of_values) {
  const Shape shape{g.batch, g.out_h(), g.out_w(), g.channels};
  if (x.has_code_bytes()) {
    Tensor<std::uint8_t> y(shape);
    of_codes(x.code_bytes().data(), y.mutable_data());
    return Var<T>::of_codes(std::move(y), x.quant());
  }
  Tensor<T> y(shape);
  of_values(x.value().data(), y.mutable_data());
  return Var<T>(std::move(y));
}

// What backward keeps of a pooling: which input won, for every result.
template <class Winner, class T>
Tensor<Winner> winners_of(const Var<T>& x, const PoolGeometry& g) {
  if (!grad_enabled() || !x.requires_grad()) return {};
  return Tensor<Winner>(Shape{g.batch, g.out_h(), g.out_w(), g.channels});
}

// Max pooling with windows of 2x2, of relu(x) if `relu`.
template <class T>
Var<T> max_pool2x2(const char* op, const Var<T>& x, const PoolGeometry& g, bool relu) {
  auto winners = winners_of<std::uint8_t>(x, g);
  std::uint8_t* won = winners.mutable_data();
  const auto of_values = [&](const T* from, T* to) { kernels::max_pool2x2_forward(g, relu, from, to, won); };
  Var<T> y = pooled(
      x, g, [&](const std::uint8_t* from, std::uint8_t* to) { kernels::max_pool2x2_codes(g, from, to, won); },
      of_values);
  return make_result<T>(op, std::move(y), {x}, [x = x.slot(), g, winners](const Tensor<T>& dy) {
    Tensor<T> dx(x.shape());
    kernels::max_pool2x2_backward(g, dy.data(), winners.data(), dx.mutable_data());
    x.add_grad(std::move(dx));
  });
}

// Max pooling with any windows.
template <class T>
Var<T> max_pool_any(const Var<T>& x, const PoolGeometry& g) {
  auto winners = winners_of<std::int32_t>(x, g);
  std::int32_t* won = winners.mutable_data();
  Var<T> y = pooled(
      x, g, [&](const std::uint8_t* from, std::uint8_t* to) { kernels::max_pool2d_codes(g, from, to, won); },
      [&](const T* from, T* to) { kernels::max_pool2d_forward(g, from, to, won); });
  return make_result<T>("max_pool2d", std::move(y), {x}, [x = x.slot(), g, winners](const Tensor<T>& dy) {
    Tensor<T> dx(x.shape());
    kernels::max_pool2d_backward(g, dy.data(), winners.data(), dx.mutable_data());
    x.add_grad(std::move(dx));
  });
}

}  // namespace detail

/// The largest element of every window of x [N,H,W,C], giving [N,Ho,Wo,C]. Padding never wins; of equal elements the
/// first in row-major order wins and receives the gradient. Integer codes pass on; a variable of bytes gives bytes.
/// Traced as "max_pool2d". Throws Error when shapes do not fit.
template <class T>
Var<T> max_pool2d(const Var<T>& x, const Window2d& window) {
  const PoolGeometry g = pool2d_geometry("max_pool2d", x, window);
  Var<T> result = kernels::is_max_pool2x2(g) ? detail::max_pool2x2("max_pool2d", x, g, /*relu=*/false)
                                             : detail::max_pool_any(x, g);
  detail::pass_codes(x, result);
  OpAttributes attributes;
  attributes.pool = g;
  trace<T>("max_pool2d", {x}, result, std::move(attributes));
  return result;
}

}  // namespace bitgrain
