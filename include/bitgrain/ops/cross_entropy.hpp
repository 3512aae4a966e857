#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/kernels/f32/softmax.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// The mean over the batch of the cross-entropy between softmax(logits) and the labels, a scalar (shape []).
/// `logits` [N,C]; `labels` N class numbers; the target of a row is (1 - label_smoothing) onehot + label_smoothing /
/// C (PyTorch's CrossEntropyLoss). dlogits = (softmax(logits) - target) / N. Traced as "cross_entropy". Throws Error
/// when shapes do not fit, a label is outside [0, C), or label_smoothing outside [0, 1].
template <class T>
Var<T> cross_entropy(const Var<T>& logits, std::span<const std::int32_t> labels, double label_smoothing = 0) {
  detail::check_rank("cross_entropy", "logits", logits, 2, "[N,C]");
  const std::int64_t rows = logits.shape()[0], classes = logits.shape()[1];
  BITGRAIN_CHECK(static_cast<std::int64_t>(labels.size()) == rows, "cross_entropy: logits ", logits.shape(), " need ",
                 rows, " labels, got ", labels.size());
  BITGRAIN_CHECK(rows > 0 && classes > 0, "cross_entropy: there is no mean loss over logits of shape ",
                 logits.shape());
  BITGRAIN_CHECK(label_smoothing >= 0 && label_smoothing <= 1,
                 "cross_entropy: label_smoothing must lie in [0, 1], got ", label_smoothing);
  Tensor<T> loss{Shape{}}, dlogits;
  // The gradient comes almost for free with the loss; it is kept instead of the logits.
  if (grad_enabled() && logits.requires_grad()) dlogits = Tensor<T>(logits.shape());
  kernels::softmax_cross_entropy(rows, classes, logits.value().data(), labels.data(), static_cast<T>(label_smoothing),
                                 loss.mutable_data(), dlogits.mutable_data());
  const Var<T> result = make_result<T>(
      "cross_entropy", std::move(loss), {logits}, [logits = logits.slot(), dlogits](const Tensor<T>& dy) mutable {
        if (dy.item() != T{1})
          kernels::scale(dlogits.numel(), dy.item(), std::as_const(dlogits).data(), dlogits.mutable_data());
        logits.add_grad(std::move(dlogits));
      });
  trace<T>("cross_entropy", {logits}, result);
  return result;
}
template <class T>
Var<T> cross_entropy(const Var<T>& logits, const Tensor<std::int32_t>& labels, double label_smoothing = 0) {
  return cross_entropy(logits, labels.values(), label_smoothing);
}

}  // namespace bitgrain
