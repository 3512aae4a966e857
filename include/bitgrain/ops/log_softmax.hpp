#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/softmax.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// x - log of the sum of exp(x) over the last dimension; dx = dy - exp(y) sum of dy. Traced as "log_softmax". Throws
/// Error for rank 0.
template <class T>
Var<T> log_softmax(const Var<T>& x) {
  detail::check_defined("log_softmax", "x", x);
  BITGRAIN_CHECK(x.shape().rank() >= 1, "log_softmax: x must have a last dimension, got ", x.shape());
  const std::int64_t classes = x.shape()[-1], rows = classes > 0 ? x.numel() / classes : 0;
  Tensor<T> y(x.shape());
  kernels::log_softmax(rows, classes, x.value().data(), y.mutable_data());
  const Saved<T> saved(y);
  const Var<T> result =
      make_result<T>("log_softmax", std::move(y), {x}, [x = x.slot(), saved, rows, classes](const Tensor<T>& dy) {
        Tensor<T> dx(dy.shape());
        const T *log_p = saved.get().data(), *from = dy.data();
        T* to = dx.mutable_data();
        parallel_for(rows, std::max<std::int64_t>(1, 4096 / std::max<std::int64_t>(1, classes)),
                     [=](std::int64_t begin, std::int64_t end) {
                       for (std::int64_t r = begin; r < end; ++r) {
                         const std::int64_t at = r * classes;
                         T total = 0;
                         for (std::int64_t c = 0; c < classes; ++c) total += from[at + c];
                         for (std::int64_t c = 0; c < classes; ++c)
                           to[at + c] = from[at + c] - std::exp(log_p[at + c]) * total;
                       }
                     });
        x.add_grad(std::move(dx));
      });
  trace<T>("log_softmax", {x}, result);
  return result;
}

}  // namespace bitgrain
