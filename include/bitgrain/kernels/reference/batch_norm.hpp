#pragma once

#include <cstdint>
#include <type_traits>

namespace bitgrain::kernels::reference {

/// The readable oracle of kernels::batch_norm_statistics: two passes in double.
template <class T>
void batch_norm_statistics(std::int64_t rows, std::int64_t channels, const T* x, T* mean, T* var_biased) {
  const double count = rows > 0 ? static_cast<double>(rows) : 1.0;
  for (std::int64_t c = 0; c < channels; ++c) {
    double sum = 0, squares = 0;
    for (std::int64_t r = 0; r < rows; ++r) sum += double{x[r * channels + c]};
    for (std::int64_t r = 0; r < rows; ++r) {
      const double d = double{x[r * channels + c]} - sum / count;
      squares += d * d;
    }
    mean[c] = static_cast<T>(sum / count);
    var_biased[c] = static_cast<T>(squares / count);
  }
}

/// The readable oracle of kernels::batch_norm_forward.
template <class T>
void batch_norm_forward(std::int64_t rows, std::int64_t channels, const T* x, const T* mean, const T* inv_std,
                        std::type_identity_t<const T*> gamma, std::type_identity_t<const T*> beta, T* y) {
  for (std::int64_t i = 0; i < rows * channels; ++i) {
    const std::int64_t c = i % channels;
    const double xhat = (double{x[i]} - double{mean[c]}) * double{inv_std[c]};
    y[i] = static_cast<T>(xhat * (gamma ? double{gamma[c]} : 1.0) + (beta ? double{beta[c]} : 0.0));
  }
}

/// The readable oracle of kernels::batch_norm_backward.
template <class T>
void batch_norm_backward(std::int64_t rows, std::int64_t channels, const T* x, const T* dy, const T* mean,
                         const T* inv_std, std::type_identity_t<const T*> gamma, T* dx,
                         std::type_identity_t<T*> dgamma, std::type_identity_t<T*> dbeta) {
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto xhat = [&](std::int64_t i) { return (double{x[i]} - double{mean[c]}) * double{inv_std[c]}; };
    double sum_dy = 0, sum_dy_xhat = 0;
    for (std::int64_t i = c; i < rows * channels; i += channels) {
      sum_dy += double{dy[i]};
      sum_dy_xhat += double{dy[i]} * xhat(i);
    }
    if (dgamma) dgamma[c] = static_cast<T>(sum_dy_xhat);
    if (dbeta) dbeta[c] = static_cast<T>(sum_dy);
    const double scale = (gamma ? double{gamma[c]} : 1.0) * double{inv_std[c]};
    for (std::int64_t i = c; i < rows * channels; i += channels)
      dx[i] = static_cast<T>(scale * (double{dy[i]} - (sum_dy + xhat(i) * sum_dy_xhat) / static_cast<double>(rows)));
  }
}

}  // namespace bitgrain::kernels::reference
