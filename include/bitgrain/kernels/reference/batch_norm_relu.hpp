#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "bitgrain/kernels/reference/batch_norm.hpp"

namespace bitgrain::kernels::reference {

/// The readable oracle of kernels::batch_norm_relu_forward.
template <class T>
void batch_norm_relu_forward(std::int64_t rows, std::int64_t channels, const T* x, const T* mean, const T* inv_std,
                             std::type_identity_t<const T*> gamma, std::type_identity_t<const T*> beta,
                             std::type_identity_t<const T*> residual, T* y) {
  for (std::int64_t i = 0; i < rows * channels; ++i) {
    const std::int64_t c = i % channels;
    const double xhat = (double{x[i]} - double{mean[c]}) * double{inv_std[c]};
    const double normalised = xhat * (gamma ? double{gamma[c]} : 1.0) + (beta ? double{beta[c]} : 0.0);
    y[i] = static_cast<T>(std::max(normalised + (residual ? double{residual[i]} : 0.0), 0.0));
  }
}

/// The readable oracle of the two backward functions: y is the result of the forward pass. `dresidual` may be null.
template <class T>
void batch_norm_relu_backward(std::int64_t rows, std::int64_t channels, const T* x, const T* y, const T* dy,
                              const T* mean, const T* inv_std, std::type_identity_t<const T*> gamma,
                              std::type_identity_t<T*> dresidual, T* dx, std::type_identity_t<T*> dgamma,
                              std::type_identity_t<T*> dbeta) {
  std::vector<T> masked(dy, dy + rows * channels);
  for (std::size_t i = 0; i < masked.size(); ++i)
    if (!(y[i] > 0)) masked[i] = 0;
  if (dresidual) std::copy(masked.begin(), masked.end(), dresidual);
  batch_norm_backward(rows, channels, x, static_cast<const T*>(masked.data()), mean, inv_std, gamma, dx, dgamma,
                      dbeta);
}

}  // namespace bitgrain::kernels::reference
