#pragma once

#include <cstdint>
#include <type_traits>

#include "bitgrain/kernels/reference/gemm.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// C = alpha op(A) op(B) + beta C, all matrices row-major with rows `lda`, `ldb`, `ldc` elements apart.
/// op(A) is [m,k]: A itself, or its transpose (A is stored [k,m]) if `trans_a`; op(B) is [k,n], stored [n,k] if
/// `trans_b`. With beta = 0, C is only written, so it may hold anything.
template <class T, class Arch = DefaultArch>
void gemm(bool trans_a, bool trans_b, std::int64_t m, std::int64_t n, std::int64_t k, std::type_identity_t<T> alpha,
          const T* a, std::int64_t lda, const T* b, std::int64_t ldb, std::type_identity_t<T> beta, T* c,
          std::int64_t ldc) {
  reference::gemm(trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

}  // namespace bitgrain::kernels
