#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "bitgrain/kernels/f32/batch_norm_quantize.hpp"
#include "bitgrain/kernels/f32/batch_norm_relu.hpp"
#include "bitgrain/ops/batch_norm.hpp"
#include "bitgrain/quant/fake_quantize.hpp"

namespace bitgrain {

namespace detail {
// What a residual is for the kernels: its codes if it carries any, else its values; and what backward keeps of it.
template <class T>
class SavedResidual {
 public:
  SavedResidual() = default;
  explicit SavedResidual(const Var<T>& residual) {
    if (!residual.defined()) return;
    if (residual.has_code_bytes())
      bytes_ = residual.code_bytes(), quant_ = residual.quant();
    else
      values_ = Saved<T>(residual);
  }
  kernels::Residual<T> get() const {
    if (bytes_.defined())
      return {nullptr, bytes_.data(), static_cast<T>(quant_->step.front()), static_cast<T>(quant_->zero_point)};
    return {values_.defined() ? values_.get().data() : nullptr};
  }

 private:
  Tensor<std::uint8_t> bytes_;
  std::shared_ptr<const QuantInfo> quant_;
  Saved<T> values_;
};

// What batch norm reads, for the kernels, and kept for backward: sums, if the variable is made of them.
template <class T>
class SavedNormInput {
 public:
  explicit SavedNormInput(const Var<T>& x) : sums_(x.sums()) {
    if (!sums_) values_ = Saved<T>(x);
  }
  /// From element `at` on, the first of a row.
  kernels::NormInput<T> get(std::int64_t at = 0) const {
    if (sums_) return {nullptr, sums_->sums.data() + at, sums_->scale.data()};
    return {values_.get().data() + at, nullptr, nullptr};
  }

 private:
  std::shared_ptr<const ScaledSums<T>> sums_;
  Saved<T> values_;
};

template <class T>
kernels::Residual<T> residual_of(const Var<T>& residual) {
  if (!residual.defined()) return {};
  if (residual.has_code_bytes()) return SavedResidual<T>(residual).get();
  return {residual.value().data()};
}
}  // namespace detail

/// The moments of batch_norm_train(x, gamma, beta) + residual, of max(., 0) of that if `rectified`, without making
/// it.
template <class T>
ValueMoments batch_norm_moments(const Var<T>& x, const Var<T>& gamma, const Var<T>& beta, double eps,
                                const Var<T>& residual, bool rectified) {
  const std::int64_t channels = x.shape()[-1], rows = x.numel() / channels;
  Tensor<T> mean(gamma.shape()), var(gamma.shape());
  if (x.moments())
    mean = x.moments()->mean, var = x.moments()->var_biased;
  else
    kernels::batch_norm_statistics(rows, channels, x.value().data(), mean.mutable_data(), var.mutable_data());
  const Tensor<T> inv_std = detail::inverse_std(var, eps);
  const detail::SavedNormInput<T> saved_x(x);
  const kernels::Residual<T> added = detail::residual_of(residual);
  const std::int64_t block = std::max<std::int64_t>(1, 8192 / channels);
  const Scratch<T> values(static_cast<std::size_t>(block * channels));
  MomentSums sums;
  for (std::int64_t row = 0; row < rows; row += block) {
    const std::int64_t count = std::min(block, rows - row), at = row * channels;
    kernels::Residual<T> from = added;
    if (from.values) from.values += at;
    if (from.codes) from.codes += at;
    kernels::batch_norm_add_forward(count, channels, saved_x.get(at), mean.data(), inv_std.data(),
                                    gamma.value().data(), beta.value().data(), from, values.data());
    sums.add(count * channels, values.data(), rectified);
  }
  return sums.moments();
}

/// fake_quantize(batch_norm_train(x, ...)), or fake_quantize(batch_norm_train(x, ...) + residual) if a residual is
/// given, as one op, for a quantizer of one step with unsigned codes. The result is codes and nothing else. Codes and
/// gradients are those of the ops one by one, bit for bit but for the order of sums (and the rounding of a residual
/// that carries codes). Saves x and the residual (its codes, if it carries any). A convolution before it gets its
/// gradient in pieces. Not traced: a trace sees the ops one by one. Throws Error when shapes do not fit.
template <class T>
Var<T> batch_norm_quantize_train(const Var<T>& x, const Var<T>& gamma, const Var<T>& beta, Tensor<T> running_mean,
                                 Tensor<T> running_var, double momentum, double eps, const Var<T>& residual,
                                 const Var<T>& step, const FakeQuantizeOptions& options) {
  const char* op = "batch_norm_quantize_train";
  if (residual.defined()) detail::check_same_shape(op, x, residual);
  BITGRAIN_CHECK(step.numel() == 1 && detail::quantizes_to_bytes(options), op,
                 ": the quantizer must have one step and unsigned codes of a byte");
  const auto batch = detail::batch_statistics(op, x, gamma, beta, running_mean, running_var, momentum, eps);
  const T s = detail::effective_step(step.value()[0], options);
  const detail::SavedNormInput<T> saved_x(x);
  const auto info = detail::quant_info(options, std::vector<T>{s});

  Var<T> y;
  if (rounding_is_frozen()) {
    Tensor<T> values(x.shape());
    T* out = values.mutable_data();
    kernels::batch_norm_forward(batch.rows, batch.channels, x.value().data(), batch.mean.data(), batch.inv_std.data(),
                                gamma.value().data(), beta.value().data(), out);
    if (residual.defined()) kernels::add(values.numel(), static_cast<const T*>(out), residual.value().data(), out);
    detail::quantize_frozen(values.numel(), static_cast<const T*>(out), s, options.rule, out);
    y = Var<T>(std::move(values));
    y.set_quant(info);
  } else {
    Tensor<std::uint8_t> bytes(x.shape());
    kernels::batch_norm_quantize_forward(batch.rows, batch.channels, saved_x.get(), batch.mean.data(),
                                         batch.inv_std.data(), gamma.value().data(), beta.value().data(),
                                         detail::residual_of(residual), s, options.rule, options.zero_point,
                                         bytes.mutable_data());
    y = Var<T>::of_codes(std::move(bytes), info);
  }
  const Saved<T> saved_gamma(gamma.value()), saved_beta(beta.value()), saved_step(step.value());
  return make_result<T>(
      op, std::move(y), {x, gamma, beta, residual, step},
      [x = x.slot(), gamma = gamma.slot(), beta = beta.slot(), residual = residual.slot(), step = step.slot(),
       saved_x, saved_gamma, saved_beta, saved_step, saved_residual = detail::SavedResidual<T>(residual), batch, s,
       options](const Tensor<T>& dy) {
        const bool reusable = dy.unique();
        Tensor<T> dgamma(gamma.shape()), dbeta(beta.shape()), d = dy;
        const kernels::Residual<T> added = saved_residual.get();
        if (added.given() && !reusable) d = Tensor<T>(dy.shape());
        const auto sums = kernels::batch_norm_quantize_backward_sums(
            batch.rows, batch.channels, saved_x.get(), dy.data(), batch.mean.data(), batch.inv_std.data(),
            saved_gamma.get().data(), saved_beta.get().data(), added, s, options.rule,
            added.given() ? d.mutable_data() : nullptr, dgamma.mutable_data(), dbeta.mutable_data());
        if (step.requires_grad())
          step.add_grad(Tensor<T>(step.shape(), detail::step_gradient(sums.dstep, saved_step.get()[0], options)));
        if (added.given() && residual.requires_grad()) residual.add_grad(d);
        if (gamma.requires_grad()) gamma.add_grad(std::move(dgamma));
        if (beta.requires_grad()) beta.add_grad(std::move(dbeta));
        if (!x.requires_grad()) return;
        const auto write = [=, has_residual = added.given(), per_image = batch.rows / x.shape()[0]](
                               std::int64_t begin, std::int64_t end, T* dx) {
          const std::int64_t row = begin * per_image, at = row * batch.channels;
          kernels::batch_norm_quantize_backward_rows((end - begin) * per_image, batch.channels, saved_x.get(at),
                                                     d.data() + at, batch.mean.data(), batch.inv_std.data(),
                                                     saved_gamma.get().data(), saved_beta.get().data(), has_residual,
                                                     s, options.rule, sums, dx);
        };
        if (x.takes_pieces()) return x.add_pieces({write});
        Tensor<T> dx = reusable && !added.given() ? dy : Tensor<T>(dy.shape());
        write(0, x.shape()[0], dx.mutable_data());
        x.add_grad(std::move(dx));
      });
}

}  // namespace bitgrain
