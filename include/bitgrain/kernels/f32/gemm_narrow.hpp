#pragma once

/// Matrix products with eight columns: C [m,8] = beta C + alpha A [m,k] B [k,8], A in rows.
///
/// Eight floats are half a vector of 512 bits, and the masked tile of gemm_tile.hpp would waste the other half. Here
/// a row of C is one vector of 256 bits: six rows take one vector of B and a broadcast number of A each per term. Six
/// sums that wait for themselves do not fill the multiply-adds, but the next rows' sums start while these end.

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/gemm_problem.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

inline constexpr std::int64_t kGemmNarrowColumns = 8, kGemmNarrowTerms = 64;

namespace detail {

// Vectors of eight numbers where there are any.
template <class T, class Arch>
struct EightLanes {
  using type = Arch;
};
#if defined(__AVX512F__) && !defined(XSIMD_NO_SUPPORTED_ARCHITECTURE)
template <>
struct EightLanes<float, DefaultArch> {
  using type = xsimd::fma3<xsimd::avx2>;
};
#endif
template <class T, class Arch>
using EightLanesArch = typename EightLanes<T, Arch>::type;

template <class T, class Arch, int R>
void narrow_rows(const GemmProblem<T>& p, const T* b, const T* a, T* c) {
  using V = Vec<T, Arch>;
  V sum[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) sum[r] = V(T(0));
  for (std::int64_t k = 0; k < p.k; ++k) {
    const V column = load_all<V>(b + k * kGemmNarrowColumns);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) sum[r] = multiply_add(V(a[r * p.a_row + k]), column, sum[r]);
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r, c += p.ldc) {
    V value = p.alpha == T(1) ? sum[r] : V(p.alpha) * sum[r];
    if (p.beta != T(0)) value = multiply_add(V(p.beta), load_all<V>(c), value);
    store_all(c, value);
  }
}

}  // namespace detail

/// Whether a product is computed by `gemm_narrow`.
template <class T, class Arch>
bool is_narrow(const GemmProblem<T>& p) {
  if constexpr (kLanes<T, detail::EightLanesArch<T, Arch>> != kGemmNarrowColumns) return false;
  return p.n == kGemmNarrowColumns && p.a_step == 1 && p.k <= kGemmNarrowTerms && p.m >= 32;
}

/// Computes such a product.
template <class T, class Arch>
void gemm_narrow(const GemmProblem<T>& p) {
  using Eight = detail::EightLanesArch<T, Arch>;
  constexpr int kRows = 6;
  alignas(64) std::array<T, kGemmNarrowColumns * kGemmNarrowTerms> b;
  for (std::int64_t k = 0; k < p.k; ++k)
    for (std::int64_t j = 0; j < kGemmNarrowColumns; ++j)
      b[static_cast<std::size_t>(k * kGemmNarrowColumns + j)] = p.b[k * p.b_step + j * p.b_column];
  parallel_for(p.m, 1026, [&](std::int64_t i, std::int64_t end) {
    for (; i + kRows <= end; i += kRows)
      detail::narrow_rows<T, Eight, kRows>(p, b.data(), p.a + i * p.a_row, p.c + i * p.ldc);
    for (; i < end; ++i) detail::narrow_rows<T, Eight, 1>(p, b.data(), p.a + i * p.a_row, p.c + i * p.ldc);
  });
}

}  // namespace bitgrain::kernels
