#pragma once

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/kernels/f32/batch_norm.hpp"
#include "bitgrain/kernels/f32/reduce.hpp"
#include "bitgrain/ops/gradient_buffer.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// Batch norm in evaluation mode as the affine function y = scale_c x + shift_c that it is.
struct BatchNormAffine {
  std::vector<double> scale, shift;
};

/// scale = gamma / sqrt(var + eps), shift = beta - mean scale, in double. The shift is an explicit fused
/// multiply-add, so it does not depend on whether a compiler contracts products and sums: every build derives the
/// same integer network from it.
template <class T>
BatchNormAffine batch_norm_affine(const Tensor<T>& gamma, const Tensor<T>& beta, const Tensor<T>& running_mean,
                                  const Tensor<T>& running_var, double eps = 1e-5) {
  BatchNormAffine affine;
  for (std::int64_t c = 0; c < gamma.numel(); ++c) {
    const double scale = static_cast<double>(gamma[c]) / std::sqrt(static_cast<double>(running_var[c]) + eps);
    affine.scale.push_back(scale);
    affine.shift.push_back(std::fma(-static_cast<double>(running_mean[c]), scale, static_cast<double>(beta[c])));
  }
  return affine;
}

namespace detail {
template <class T>
std::int64_t check_batch_norm(const char* op, const Var<T>& x, const Var<T>& gamma, const Var<T>& beta,
                              const Tensor<T>& running_mean, const Tensor<T>& running_var) {
  check_defined(op, "x", x);
  BITGRAIN_CHECK(x.shape().rank() >= 2, op,
                 ": x must be [..., C] with at least one dimension before the channels, "
                 "got ",
                 x.shape());
  const std::int64_t channels = x.shape()[-1];
  check_vector(op, "gamma", gamma, channels);
  check_vector(op, "beta", beta, channels);
  BITGRAIN_CHECK(running_mean.shape() == Shape{channels} && running_var.shape() == Shape{channels}, op,
                 ": running mean and variance must be [", channels, "], got ", running_mean.shape(), " and ",
                 running_var.shape());
  return channels;
}
template <class T>
Tensor<T> inverse_std(const Tensor<T>& var, double eps) {
  Tensor<T> inverse(var.shape());
  T* out = inverse.mutable_data();
  for (std::int64_t c = 0; c < var.numel(); ++c)
    out[c] = static_cast<T>(1 / std::sqrt(static_cast<double>(var[c]) + eps));
  return inverse;
}

// What training mode finds out about its batch.
template <class T>
struct BatchStatistics {
  std::int64_t rows = 0, channels = 0;
  Tensor<T> mean, inv_std;
};
// Checks the shapes, computes the statistics and moves the running ones towards them.
template <class T>
BatchStatistics<T> batch_statistics(const char* op, const Var<T>& x, const Var<T>& gamma, const Var<T>& beta,
                                    Tensor<T>& running_mean, Tensor<T>& running_var, double momentum, double eps) {
  BatchStatistics<T> batch;
  const std::int64_t channels = check_batch_norm(op, x, gamma, beta, running_mean, running_var);
  const std::int64_t rows = channels > 0 ? x.numel() / channels : 0;
  BITGRAIN_CHECK(rows > 1, op, ": statistics need more than one value per channel, got x ", x.shape());
  Tensor<T> mean, var;
  if (x.moments()) {
    mean = x.moments()->mean, var = x.moments()->var_biased;
  } else {
    mean = Tensor<T>(gamma.shape()), var = Tensor<T>(gamma.shape());
    kernels::batch_norm_statistics(rows, channels, x.value().data(), mean.mutable_data(), var.mutable_data());
  }

  const double unbias = static_cast<double>(rows) / static_cast<double>(rows - 1);
  T *old_mean = running_mean.mutable_data(), *old_var = running_var.mutable_data();
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto mix = [momentum](T old, double now) {
      return static_cast<T>((1 - momentum) * static_cast<double>(old) + momentum * now);
    };
    old_mean[c] = mix(old_mean[c], static_cast<double>(mean[c]));
    old_var[c] = mix(old_var[c], static_cast<double>(var[c]) * unbias);
  }
  return {rows, channels, mean, inverse_std(var, eps)};
}
}  // namespace detail

/// Batch norm in training mode (Ioffe and Szegedy 2015) of x [..., C]:
///
///     y = (x - mean) / sqrt(var + eps) gamma + beta
///
/// with mean and biased variance over all but the channels. The running estimates are updated in place,
/// running = (1 - momentum) running + momentum batch, with the *unbiased* variance (PyTorch's defaults); they share
/// storage with the module's buffers. Traced as "batch_norm_train". Throws Error when shapes do not fit or there is
/// only one value per channel.
template <class T>
Var<T> batch_norm_train(const Var<T>& x, const Var<T>& gamma, const Var<T>& beta, Tensor<T> running_mean,
                        Tensor<T> running_var, double momentum = 0.1, double eps = 1e-5) {
  const char* op = "batch_norm_train";
  const auto batch = detail::batch_statistics(op, x, gamma, beta, running_mean, running_var, momentum, eps);
  Tensor<T> y(x.shape());
  kernels::batch_norm_forward(batch.rows, batch.channels, x.value().data(), batch.mean.data(), batch.inv_std.data(),
                              gamma.value().data(), beta.value().data(), y.mutable_data());
  const Saved<T> saved_x(x.value()), saved_gamma(gamma.value());
  const Var<T> result = make_result<T>(
      op, std::move(y), {x, gamma, beta},
      [x = x.slot(), gamma = gamma.slot(), beta = beta.slot(), saved_x, saved_gamma, batch](const Tensor<T>& dy) {
        Tensor<T> dx = detail::gradient_buffer(dy), dgamma(gamma.shape()), dbeta(beta.shape());
        kernels::batch_norm_backward(batch.rows, batch.channels, saved_x.get().data(), dy.data(), batch.mean.data(),
                                     batch.inv_std.data(), saved_gamma.get().data(), dx.mutable_data(),
                                     dgamma.mutable_data(), dbeta.mutable_data());
        if (gamma.requires_grad()) gamma.add_grad(std::move(dgamma));
        if (beta.requires_grad()) beta.add_grad(std::move(dbeta));
        if (x.requires_grad()) x.add_grad(std::move(dx));
      });
  trace<T>(op, {x, gamma, beta}, result);
  return result;
}

/// Batch norm in evaluation mode of x [..., C]: the running estimates take the place of the batch's, so the function
/// is affine and dx = scale dy. Gradients go to x, gamma and beta. Traced as "batch_norm" with input {x} and
/// attributes.scale and shift of batch_norm_affine. Throws Error when shapes do not fit.
template <class T>
Var<T> batch_norm_eval(const Var<T>& x, const Var<T>& gamma, const Var<T>& beta, const Tensor<T>& running_mean,
                       const Tensor<T>& running_var, double eps = 1e-5) {
  const char* op = "batch_norm";
  const std::int64_t channels = detail::check_batch_norm(op, x, gamma, beta, running_mean, running_var);
  const std::int64_t rows = channels > 0 ? x.numel() / channels : 0;
  const Tensor<T> inv_std = detail::inverse_std(running_var, eps);
  Tensor<T> y(x.shape());
  kernels::batch_norm_forward(rows, channels, x.value().data(), running_mean.data(), inv_std.data(),
                              gamma.value().data(), beta.value().data(), y.mutable_data());

  // The running mean may move on before backward: keep a copy of it. dgamma needs x, dx needs gamma.
  const Tensor<T> mean = running_mean.clone();
  const Saved<T> saved_x(gamma.requires_grad() ? x.value() : Tensor<T>());
  const Saved<T> saved_gamma(x.requires_grad() ? gamma.value() : Tensor<T>());
  const Var<T> result = make_result<T>(
      op, std::move(y), {x, gamma, beta},
      [x = x.slot(), gamma = gamma.slot(), beta = beta.slot(), saved_x, saved_gamma, mean, inv_std, rows,
       channels](const Tensor<T>& dy) {
        if (gamma.requires_grad()) {  // the training kernel's dgamma and dbeta hold for any mean; its dx does not
          Tensor<T> unused(x.shape()), dgamma(gamma.shape()), dbeta(beta.shape());
          kernels::batch_norm_backward(rows, channels, saved_x.get().data(), dy.data(), mean.data(), inv_std.data(),
                                       nullptr, unused.mutable_data(), dgamma.mutable_data(), dbeta.mutable_data());
          gamma.add_grad(std::move(dgamma));
          if (beta.requires_grad()) beta.add_grad(std::move(dbeta));
        } else if (beta.requires_grad()) {
          Tensor<T> dbeta(beta.shape());
          kernels::column_sum(rows, channels, dy.data(), dbeta.mutable_data());
          beta.add_grad(std::move(dbeta));
        }
        if (x.requires_grad()) {
          Tensor<T> dx = detail::gradient_buffer(dy);
          const Tensor<T> zero(gamma.shape(), T{0});
          kernels::batch_norm_forward(rows, channels, dy.data(), zero.data(), inv_std.data(),
                                      saved_gamma.get().data(), nullptr, dx.mutable_data());
          x.add_grad(std::move(dx));
        }
      });
  if (Trace<T>::current() != nullptr) {
    BatchNormAffine affine = batch_norm_affine(gamma.value(), beta.value(), running_mean, running_var, eps);
    OpAttributes attributes;
    attributes.scale = std::move(affine.scale);
    attributes.shift = std::move(affine.shift);
    trace<T>(op, {x}, result, std::move(attributes));
  }
  return result;
}

}  // namespace bitgrain
