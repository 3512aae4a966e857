#pragma once

/// Matrix products as sums of scaled rows: C's rows are sums of rows of B, scaled by numbers of A.
///
/// For one to four rows of C, where B is read once and nothing but reading it quickly counts; and for a short inner
/// dimension, where writing C is what counts. Rows are walked in long strips, so that memory is read and written
/// front to back; a strip of C stays in the first-level cache until all terms are in it. A product with few columns
/// is the transposed case: its results go to a strip of their own first.

#include <algorithm>
#include <cstdint>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/gemm_pack.hpp"
#include "bitgrain/kernels/f32/gemm_problem.hpp"
#include "bitgrain/kernels/memory_hints.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// The most rows of C that are summed at a time, and the most terms for which this pays with any number of rows.
inline constexpr std::int64_t kGemmSumRows = 4, kGemmSumTerms = 4;

namespace detail {

// The columns of a strip of `rows` rows: 16 KB.
template <class T>
constexpr std::int64_t sum_strip(std::int64_t rows) {
  return (1 << 14) / static_cast<std::int64_t>(sizeof(T)) / rows;
}

// Adds K terms to S rows of C (or starts them): c[s, j] (+)= sum over k of alpha a[s, k] b[k, j].
template <class T, class Arch, int S, int K>
[[gnu::noinline]] void add_terms(const GemmProblem<T>& p, bool fresh, bool fetch) {
  using V = Vec<T, Arch>;
  constexpr std::int64_t kL = kLanes<T, Arch>;
  constexpr std::uintptr_t kAhead = 1024;  // bytes
  V factor[S][K];
#pragma GCC unroll 4
  for (int s = 0; s < S; ++s)
#pragma GCC unroll 8
    for (int k = 0; k < K; ++k) factor[s][k] = V(p.alpha * p.a[s * p.a_row + k * p.a_step]);
  const auto vector = [&](auto load, auto store, std::int64_t j) {
    if (fetch)
#pragma GCC unroll 8
      for (int k = 0; k < K; ++k) prefetch(reinterpret_cast<std::uintptr_t>(p.b + k * p.b_step + j) + kAhead);
    V sum[S];
    if (fresh) {
#pragma GCC unroll 4
      for (int s = 0; s < S; ++s) sum[s] = V(T(0));
    } else {
#pragma GCC unroll 4
      for (int s = 0; s < S; ++s) sum[s] = load(p.c + s * p.ldc + j);
    }
#pragma GCC unroll 8
    for (int k = 0; k < K; ++k) {
      const V number = load(p.b + k * p.b_step + j);
#pragma GCC unroll 4
      for (int s = 0; s < S; ++s) sum[s] = multiply_add(factor[s][k], number, sum[s]);
    }
#pragma GCC unroll 4
    for (int s = 0; s < S; ++s) store(p.c + s * p.ldc + j, sum[s]);
  };
  std::int64_t j = 0;
  for (; j + kL <= p.n; j += kL)
    vector([](const T* at) { return load_all<V>(at); }, [](T* to, const V& v) { store_all(to, v); }, j);
  if (const std::int64_t rest = p.n - j; rest > 0)
    vector([&](const T* at) { return load_first<V>(at, rest); }, [&](T* to, const V& v) { store_first(to, rest, v); },
           j);
}

// A strip of S rows of C: all terms, K at a time while there are as many.
template <class T, class Arch, int S>
void sum_strip_rows(GemmProblem<T> p, bool fetch) {
  constexpr int kMost = kLanes<T, Arch> < 16 && S > 2 ? 2 : S <= 2 ? 8 : 4;  // factors of a pass stay in registers
  bool fresh = p.beta == T(0);
  if (!fresh && p.beta != T(1))
    for (std::int64_t s = 0; s < S; ++s)
      for (std::int64_t j = 0; j < p.n; ++j) p.c[s * p.ldc + j] *= p.beta;
  while (p.k > 0) {
    std::int64_t took;
    if (p.k >= kMost)
      add_terms<T, Arch, S, kMost>(p, fresh, fetch), took = kMost;
    else if (p.k >= 2)
      add_terms<T, Arch, S, 2>(p, fresh, fetch), took = 2;
    else
      add_terms<T, Arch, S, 1>(p, fresh, fetch), took = 1;
    p.a += took * p.a_step;
    p.b += took * p.b_step;
    p.k -= took;
    fresh = false;
  }
}

// Rows of C, in strips. Few rows read a B that the caches do not hold from memory: it is asked for ahead, for the
// hardware alone does not keep so many streams flowing.
template <class T, class Arch>
void sum_rows(const GemmProblem<T>& p) {
  const bool fetch = p.m <= kGemmSumRows && static_cast<std::size_t>(p.k * p.b_step) * sizeof(T) >= kStreamingBytes;
  GemmProblem<T> part = p;
  for (std::int64_t i = 0; i < p.m; i += part.m) {
    part.m = std::min(kGemmSumRows, p.m - i);
    const std::int64_t strip = sum_strip<T>(part.m);
    for (std::int64_t j = 0; j < p.n; j += strip) {
      part.n = std::min(strip, p.n - j);
      part.a = p.a + i * p.a_row;
      part.b = p.b + j;
      part.c = p.c + i * p.ldc + j;
      switch (part.m) {
        case 1:
          sum_strip_rows<T, Arch, 1>(part, fetch);
          break;
        case 2:
          sum_strip_rows<T, Arch, 2>(part, fetch);
          break;
        case 3:
          sum_strip_rows<T, Arch, 3>(part, fetch);
          break;
        default:
          sum_strip_rows<T, Arch, 4>(part, fetch);
      }
    }
  }
}

}  // namespace detail

/// Computes a product with few rows, or few terms; or with few columns, if A is stored transposed.
template <class T, class Arch>
void gemm_sums(const GemmProblem<T>& g) {
  if (g.n <= kGemmSumRows && g.n < g.m && g.a_row == 1) {  // as its transpose
    const std::int64_t strip = detail::sum_strip<T>(g.n);
    return parallel_for(g.m, strip, [&](std::int64_t begin, std::int64_t end) {
      GemmBuffer<T> buffer;
      T* results = buffer.get(g.n * strip);
      for (; begin < end; begin += strip) {
        const std::int64_t rows = std::min(strip, end - begin);
        detail::sum_rows<T, Arch>(
            {g.n, rows, g.k, g.b, g.b_column, g.b_step, g.a + begin, g.a_step, 1, g.alpha, T(0), results, rows});
        for (std::int64_t i = 0; i < rows; ++i)
          for (std::int64_t s = 0; s < g.n; ++s) {
            T& out = g.c[(begin + i) * g.ldc + s];
            out = g.beta == T(0) ? results[s * rows + i] : g.beta * out + results[s * rows + i];
          }
      }
    });
  }
  GemmProblem<T> p = g;
  GemmBuffer<T> buffer;
  if (p.b_column != 1) {
    T* packed = buffer.get(p.n * p.k);
    pack_against_grain<T, Arch>(p.k, p.n, p.b, p.b_column, p.n, packed);
    p.b = packed;
    p.b_column = 1;
    p.b_step = p.n;
  }
  if (p.m <= kGemmSumRows)
    return parallel_for(p.n, detail::sum_strip<T>(p.m), [&](std::int64_t begin, std::int64_t end) {
      GemmProblem<T> part = p;
      part.b += begin;
      part.c += begin;
      part.n = end - begin;
      detail::sum_rows<T, Arch>(part);
    });
  const std::int64_t rows = std::max<std::int64_t>(1, (1 << 17) / (p.n * p.k * kGemmSumRows)) * kGemmSumRows;
  parallel_for(p.m, rows, [&](std::int64_t begin, std::int64_t end) {
    GemmProblem<T> part = p;
    part.a += begin * p.a_row;
    part.c += begin * p.ldc;
    part.m = end - begin;
    detail::sum_rows<T, Arch>(part);
  });
}

}  // namespace bitgrain::kernels
