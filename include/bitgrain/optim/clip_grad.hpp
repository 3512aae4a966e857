#pragma once

/// Limits on gradients, between backward and the update.

#include <algorithm>
#include <cmath>
#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/nn/module.hpp"

namespace bitgrain {

namespace detail {
inline constexpr std::int64_t kGradientGrain = 1 << 14;

// Sum of squares in double: one partial per chunk, added in chunk order.
template <class T>
double sum_of_squares(const Tensor<T>& t) {
  const std::int64_t chunks = (t.numel() + kGradientGrain - 1) / kGradientGrain;
  std::vector<double> partial(static_cast<std::size_t>(chunks), 0.0);
  const T* values = t.data();
  parallel_for(t.numel(), kGradientGrain, [&](std::int64_t begin, std::int64_t end) {
    double sum = 0;
    for (std::int64_t i = begin; i < end; ++i) sum += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    partial[static_cast<std::size_t>(begin / kGradientGrain)] = sum;
  });
  double total = 0;
  for (const double p : partial) total += p;
  return total;
}

// value <- change(value) for every element of the gradient. Two variables may share one gradient tensor: a shared
// one is copied first, or it would be changed twice.
template <class T, class Change>
void change_gradient(Var<T>& var, Change&& change) {
  Tensor<T>& gradient = var.mutable_grad();
  if (!gradient.unique()) gradient = gradient.clone();
  T* values = gradient.mutable_data();
  parallel_for(gradient.numel(), kGradientGrain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) values[i] = change(values[i]);
  });
}
}  // namespace detail

/// Scales all gradients by max_norm / (norm + 1e-6) if that is below 1, norm = Euclidean norm of all of them
/// together (Pascanu et al., ICML 2013; PyTorch's clip_grad_norm_). Returns the norm before.
template <class Parameters>
double clip_grad_norm(Parameters&& parameters, double max_norm) {
  BITGRAIN_CHECK(max_norm > 0, "the gradient norm must be clipped to something above 0, got ", max_norm);
  double squares = 0;
  for (const auto& p : parameters)
    if (p.var.grad().defined()) squares += detail::sum_of_squares(p.var.grad());
  const double norm = std::sqrt(squares);
  const double scale = max_norm / (norm + 1e-6);
  if (scale >= 1) return norm;
  for (auto&& p : parameters) {
    if (!p.var.grad().defined()) continue;
    auto var = p.var;
    using T = typename decltype(var)::Scalar;
    detail::change_gradient(var, [factor = static_cast<T>(scale)](T g) { return g * factor; });
  }
  return norm;
}

/// Clamps every element of every gradient to [-limit, limit].
template <class Parameters>
void clip_grad_value(Parameters&& parameters, double limit) {
  BITGRAIN_CHECK(limit > 0, "gradients must be clipped to something above 0, got ", limit);
  for (auto&& p : parameters) {
    if (!p.var.grad().defined()) continue;
    auto var = p.var;
    using T = typename decltype(var)::Scalar;
    detail::change_gradient(var, [most = static_cast<T>(limit)](T g) { return std::clamp(g, -most, most); });
  }
}

}  // namespace bitgrain
