#pragma once

#include <cstdint>
#include <type_traits>

namespace bitgrain::kernels::reference {

/// The readable oracle of kernels::gemm: C = alpha op(A) op(B) + beta C, row-major, sums in double.
template <class T>
void gemm(bool trans_a, bool trans_b, std::int64_t m, std::int64_t n, std::int64_t k, std::type_identity_t<T> alpha,
          const T* a, std::int64_t lda, const T* b, std::int64_t ldb, std::type_identity_t<T> beta, T* c,
          std::int64_t ldc) {
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (std::int64_t p = 0; p < k; ++p) {
        const T left = trans_a ? a[p * lda + i] : a[i * lda + p];
        const T right = trans_b ? b[j * ldb + p] : b[p * ldb + j];
        sum += double{left} * double{right};
      }
      T& out = c[i * ldc + j];
      const double old = beta == T(0) ? 0.0 : double{beta} * double{out};
      out = static_cast<T>(double{alpha} * sum + old);
    }
  }
}

/// The readable oracle of kernels/int8/gemm.hpp: C [M,N] = A [M,K] op(B) of bytes.
template <class A>
void gemm_int8(bool trans_b, std::int64_t m, std::int64_t n, std::int64_t k, const A* a, const std::int8_t* b,
               std::int64_t ldb, std::int32_t* c) {
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      std::int64_t sum = 0;
      for (std::int64_t p = 0; p < k; ++p) sum += a[i * k + p] * (trans_b ? b[j * ldb + p] : b[p * ldb + j]);
      c[i * n + j] = static_cast<std::int32_t>(sum);
    }
}

}  // namespace bitgrain::kernels::reference
