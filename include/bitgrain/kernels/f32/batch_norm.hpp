#pragma once

#include <cstdint>
#include <type_traits>

#include "bitgrain/kernels/reference/batch_norm.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// Mean and biased variance (divided by `rows`) of every column of x [rows, channels]; rows = N H W of an image.
/// Both are 0 if there are no rows.
template <class T, class Arch = DefaultArch>
void batch_norm_statistics(std::int64_t rows, std::int64_t channels, const T* x, T* mean, T* var_biased) {
  reference::batch_norm_statistics(rows, channels, x, mean, var_biased);
}

/// y = (x - mean) * inv_std * gamma + beta by column. Null `gamma` is 1, null `beta` 0. y may be x.
template <class T, class Arch = DefaultArch>
void batch_norm_forward(std::int64_t rows, std::int64_t channels, const T* x, const T* mean, const T* inv_std,
                        std::type_identity_t<const T*> gamma, std::type_identity_t<const T*> beta, T* y) {
  reference::batch_norm_forward(rows, channels, x, mean, inv_std, gamma, beta, y);
}

/// Gradient in training mode, where mean and inv_std are functions of x (Ioffe and Szegedy 2015):
///
///     xhat   = (x - mean) inv_std
///     dbeta  = sum dy           dgamma = sum dy xhat
///     dx     = gamma inv_std (dy - (dbeta + xhat dgamma) / rows)
///
/// Null `gamma` is 1; `dgamma` and `dbeta` may be null. dx may be dy.
template <class T, class Arch = DefaultArch>
void batch_norm_backward(std::int64_t rows, std::int64_t channels, const T* x, const T* dy, const T* mean,
                         const T* inv_std, std::type_identity_t<const T*> gamma, T* dx,
                         std::type_identity_t<T*> dgamma, std::type_identity_t<T*> dbeta) {
  reference::batch_norm_backward(rows, channels, x, dy, mean, inv_std, gamma, dx, dgamma, dbeta);
}

}  // namespace bitgrain::kernels
