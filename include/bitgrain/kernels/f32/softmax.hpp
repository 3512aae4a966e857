#pragma once

#include <cstdint>
#include <type_traits>

#include "bitgrain/base/check.hpp"
#include "bitgrain/kernels/reference/softmax.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// y = exp(x) / sum of exp(x) in every row of x [rows, classes], without overflow. y may be x.
template <class T, class Arch = DefaultArch>
void softmax(std::int64_t rows, std::int64_t classes, const T* x, T* y) {
  reference::softmax(rows, classes, x, y);
}

/// y = x - log of the sum of exp(x) in every row. y may be x.
template <class T, class Arch = DefaultArch>
void log_softmax(std::int64_t rows, std::int64_t classes, const T* x, T* y) {
  reference::log_softmax(rows, classes, x, y);
}

/// Gradient of softmax, y its result: dx = y (dy - sum of y dy). dx may be dy.
template <class T, class Arch = DefaultArch>
void softmax_backward(std::int64_t rows, std::int64_t classes, const T* y, const T* dy, T* dx) {
  reference::softmax_backward(rows, classes, y, dy, dx);
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
  for (std::int64_t r = 0; r < rows; ++r)
    BITGRAIN_CHECK(labels[r] >= 0 && labels[r] < classes, "label ", r, " must lie in [0, ", classes, "), got ",
                   labels[r]);
  reference::softmax_cross_entropy(rows, classes, logits, labels, smoothing, loss, dlogits);
}

}  // namespace bitgrain::kernels
