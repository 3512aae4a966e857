#pragma once

#include <utility>

#include "bitgrain/kernels/f32/batch_norm_relu.hpp"
#include "bitgrain/ops/batch_norm.hpp"

namespace bitgrain {

/// relu(batch_norm_train(x, ...)), or relu(batch_norm_train(x, ...) + residual) if a residual is given, as one op: a
/// pass over memory less per tensor and direction, and the normalised tensor is never stored. Values and gradients
/// are those of the three ops, bit for bit but for the order of sums. Saves x, from which the result is recomputed
/// for who needs it; with a residual that cannot be recomputed, also the result. Traced as "batch_norm_relu_train".
/// Throws Error when shapes do not fit, as batch_norm_train and add do.
template <class T>
Var<T> batch_norm_relu_train(const Var<T>& x, const Var<T>& gamma, const Var<T>& beta, Tensor<T> running_mean,
                             Tensor<T> running_var, double momentum = 0.1, double eps = 1e-5,
                             const Var<T>& residual = {}) {
  const char* op = "batch_norm_relu_train";
  if (residual.defined()) detail::check_same_shape(op, x, residual);
  const auto batch = detail::batch_statistics(op, x, gamma, beta, running_mean, running_var, momentum, eps);
  const auto forward = [batch](const Tensor<T>& input, const Tensor<T>& factor, const Tensor<T>& shift,
                               const Tensor<T>& added) {
    Tensor<T> sum(input.shape());
    kernels::batch_norm_relu_forward(batch.rows, batch.channels, input.data(), batch.mean.data(),
                                     batch.inv_std.data(), factor.data(), shift.data(), added.data(),
                                     sum.mutable_data());
    return sum;
  };
  const Tensor<T> y =
      forward(x.value(), gamma.value(), beta.value(), residual.defined() ? residual.value() : Tensor<T>());
  const Saved<T> saved_x(x), saved_gamma(gamma.value()), saved_beta(beta.value());
  // Backward needs the sign of y. Without a residual it follows from x.
  Saved<T> saved_y;
  std::shared_ptr<Recomputed<T>> recomputed;
  if (grad_enabled() && (!residual.defined() || residual.recomputed())) {
    const Saved<T> saved_residual = residual.defined() ? Saved<T>(residual) : Saved<T>();
    recomputed = std::make_shared<Recomputed<T>>(y, [forward, saved_x, saved_gamma, saved_beta, saved_residual] {
      return forward(saved_x.get(), saved_gamma.get(), saved_beta.get(),
                     saved_residual.defined() ? saved_residual.get() : Tensor<T>());
    });
  }
  if (residual.defined()) saved_y = recomputed ? Saved<T>(recomputed) : Saved<T>(y);
  Var<T> result = make_result<T>(
      op, y, {x, gamma, beta, residual},
      [x = x.slot(), gamma = gamma.slot(), beta = beta.slot(), residual = residual.slot(), saved_x, saved_gamma,
       saved_beta, saved_y, batch](const Tensor<T>& dy) {
        Tensor<T> dgamma(gamma.shape()), dbeta(beta.shape()), dx;
        const T *from = saved_x.get().data(), *mean = batch.mean.data(), *inv_std = batch.inv_std.data();
        if (saved_y.defined()) {
          Tensor<T> masked = detail::gradient_buffer(dy);
          dx = residual.requires_grad() ? Tensor<T>(dy.shape()) : masked;
          kernels::batch_norm_add_relu_backward(batch.rows, batch.channels, from, saved_y.get().data(), dy.data(),
                                                mean, inv_std, saved_gamma.get().data(), masked.mutable_data(),
                                                dx.mutable_data(), dgamma.mutable_data(), dbeta.mutable_data());
          if (residual.requires_grad()) residual.add_grad(std::move(masked));
        } else {
          dx = detail::gradient_buffer(dy);
          kernels::batch_norm_relu_backward(batch.rows, batch.channels, from, dy.data(), mean, inv_std,
                                            saved_gamma.get().data(), saved_beta.get().data(), dx.mutable_data(),
                                            dgamma.mutable_data(), dbeta.mutable_data());
        }
        if (gamma.requires_grad()) gamma.add_grad(std::move(dgamma));
        if (beta.requires_grad()) beta.add_grad(std::move(dbeta));
        if (x.requires_grad()) x.add_grad(std::move(dx));
      });
  if (result.requires_grad()) result.set_recomputed(std::move(recomputed));
  trace<T>(op, {x, gamma, beta, residual}, result);
  return result;
}

}  // namespace bitgrain
