#pragma once

/// Softmax and cross-entropy over the rows of x [rows, classes].

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "bitgrain/base/check.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {
namespace detail {

inline std::int64_t softmax_grain(std::int64_t classes) {
  return std::max<std::int64_t>(1, 4096 / std::max<std::int64_t>(1, classes));
}

// Calls f(i, count) for the vectors of a row.
template <class T, class Arch, class F>
void for_each_vector(std::int64_t n, F f) {
  std::int64_t i = 0;
  for (; i + kLanes<T, Arch> <= n; i += kLanes<T, Arch>) f(i, kLanes<T, Arch>);
  if (i < n) f(i, n - i);
}

// log of the sum of exp(x[i]): the largest x is taken out, so nothing overflows. Lanes that fill up the last vector
// hold -infinity: they are never the largest, and their exp is 0.
template <class T, class Arch>
T log_sum_exp(std::int64_t n, const T* x) {
  using V = Vec<T, Arch>;
  constexpr T kNone = -std::numeric_limits<T>::infinity();
  V top(kNone);
  for_each_vector<T, Arch>(
      n, [&](std::int64_t i, std::int64_t count) { top = max(top, load_first<V>(x + i, count, kNone)); });
  const T largest = horizontal_max(top);
  V sum(T(0));
  for_each_vector<T, Arch>(
      n, [&](std::int64_t i, std::int64_t count) { sum += exp(load_first<V>(x + i, count, kNone) - V(largest)); });
  return largest + std::log(horizontal_sum(sum));
}

}  // namespace detail

/// y = x - log of the sum of exp(x) in every row. y may be x.
template <class T, class Arch = DefaultArch>
void log_softmax(std::int64_t rows, std::int64_t classes, const T* x, T* y) {
  using V = Vec<T, Arch>;
  if (classes <= 0) return;
  parallel_for(rows, detail::softmax_grain(classes), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin * classes; at < end * classes; at += classes) {
      const V normaliser(detail::log_sum_exp<T, Arch>(classes, x + at));
      detail::for_each_vector<T, Arch>(classes, [&](std::int64_t i, std::int64_t count) {
        store_first(y + at + i, count, load_first<V>(x + at + i, count) - normaliser);
      });
    }
  });
}

/// y = exp(x) / sum of exp(x) in every row of x [rows, classes], without overflow. y may be x.
template <class T, class Arch = DefaultArch>
void softmax(std::int64_t rows, std::int64_t classes, const T* x, T* y) {
  using V = Vec<T, Arch>;
  if (classes <= 0) return;
  parallel_for(rows, detail::softmax_grain(classes), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin * classes; at < end * classes; at += classes) {
      const V normaliser(detail::log_sum_exp<T, Arch>(classes, x + at));
      detail::for_each_vector<T, Arch>(classes, [&](std::int64_t i, std::int64_t count) {
        store_first(y + at + i, count, exp(load_first<V>(x + at + i, count) - normaliser));
      });
    }
  });
}

/// Gradient of softmax, y its result: dx = y (dy - sum of y dy). dx may be dy.
template <class T, class Arch = DefaultArch>
void softmax_backward(std::int64_t rows, std::int64_t classes, const T* y, const T* dy, T* dx) {
  using V = Vec<T, Arch>;
  if (classes <= 0) return;
  parallel_for(rows, detail::softmax_grain(classes), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin * classes; at < end * classes; at += classes) {
      V dot(T(0));
      detail::for_each_vector<T, Arch>(classes, [&](std::int64_t i, std::int64_t count) {
        dot += load_first<V>(y + at + i, count) * load_first<V>(dy + at + i, count);
      });
      const V total(horizontal_sum(dot));
      detail::for_each_vector<T, Arch>(classes, [&](std::int64_t i, std::int64_t count) {
        const V d = load_first<V>(dy + at + i, count) - total;
        store_first(dx + at + i, count, load_first<V>(y + at + i, count) * d);
      });
    }
  });
}

/// Mean over rows of the cross-entropy between softmax(logits) and smoothed labels, and its gradient:
///
///     q = (1 - smoothing) onehot(label) + smoothing / classes
///     *loss = -(1/rows) sum q log softmax(logits)        dlogits = (softmax(logits) - q) / rows
///
/// as PyTorch's CrossEntropyLoss(label_smoothing). `dlogits` may be null (no gradient) or be `logits`. The loss of no
/// rows is 0. Throws Error on a label outside [0, classes).
template <class T, class Arch = DefaultArch>
void softmax_cross_entropy(std::int64_t rows, std::int64_t classes, const T* logits, const std::int32_t* labels,
                           std::type_identity_t<T> smoothing, T* loss, std::type_identity_t<T*> dlogits) {
  using V = Vec<T, Arch>;
  for (std::int64_t r = 0; r < rows; ++r)
    BITGRAIN_CHECK(labels[r] >= 0 && labels[r] < classes, "label ", r, " must lie in [0, ", classes, "), got ",
                   labels[r]);
  std::vector<double> losses(static_cast<std::size_t>(std::max<std::int64_t>(0, rows)));
  const T weight = T(1) / static_cast<T>(std::max<std::int64_t>(1, rows));
  const T spread = smoothing / static_cast<T>(std::max<std::int64_t>(1, classes));
  parallel_for(rows, detail::softmax_grain(classes), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const T* x = logits + r * classes;
      const T normaliser = detail::log_sum_exp<T, Arch>(classes, x);
      // -sum q log p = (1 - smoothing) (normaliser - x[label]) + smoothing (normaliser - mean of x)
      double row_loss = double{T(1) - smoothing} * double{normaliser - x[labels[r]]};
      if (smoothing != T(0)) {
        double total = 0;
        for (std::int64_t c = 0; c < classes; ++c) total += double{normaliser - x[c]};
        row_loss += double{spread} * total;
      }
      losses[static_cast<std::size_t>(r)] = row_loss;
      if (!dlogits) continue;
      T* d = dlogits + r * classes;
      detail::for_each_vector<T, Arch>(classes, [&](std::int64_t i, std::int64_t count) {
        const V p = exp(load_first<V>(x + i, count) - V(normaliser));
        store_first(d + i, count, (p - V(spread)) * V(weight));
      });
      d[labels[r]] -= (T(1) - smoothing) * weight;
    }
  });
  double total = 0;
  for (const double row_loss : losses) total += row_loss;
  *loss = static_cast<T>(rows > 0 ? total / static_cast<double>(rows) : 0.0);
}

}  // namespace bitgrain::kernels
