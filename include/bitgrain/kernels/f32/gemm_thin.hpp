#pragma once

/// Products in which one matrix has few rows or columns: a matrix times one to four vectors.
///
/// Such a product reads its long matrix once, and nothing but reading it quickly counts: it is neither packed nor
/// walked in tiles. Seen from the long matrix there are two cases, whichever side of the product it stands on:
///
///     its rows run along the inner dimension:   a result is a dot product, several rows and vectors at a time
///     its rows run along the results:           rows are added up, scaled, in a strip of results that stays in L1

#include <algorithm>
#include <cstdint>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/gemm_problem.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// The most vectors.
inline constexpr std::int64_t kGemmThin = 4;

namespace detail {

// result[s, i] = sum over k of vector[s, k] matrix[i, k]: `count` results for each of the vectors, in C at
// s * c_vector + i * c_step.
template <class T>
struct ThinProduct {
  std::int64_t count, depth;
  const T* vectors;
  std::int64_t vector_row, vector_step;
  const T* matrix;
  std::int64_t matrix_row;  // of the stored matrix: results apart in the first case, terms in the second
  T alpha, beta;
  T* c;
  std::int64_t c_vector, c_step;

  void store(std::int64_t s, std::int64_t i, T sum) const {
    T& out = c[s * c_vector + i * c_step];
    out = beta == T(0) ? alpha * sum : beta * out + alpha * sum;
  }
};

// Results [begin, end) as dot products; vector_step is 1.
template <class T, class Arch, int S>
void thin_dots(const ThinProduct<T>& p, std::int64_t begin, std::int64_t end) {
  using V = Vec<T, Arch>;
  constexpr std::int64_t kL = kLanes<T, Arch>;
  constexpr int kRows = (kL == 16 ? 16 : 8) / S > 8 ? 8 : (kL == 16 ? 16 : 8) / S;
  constexpr std::uintptr_t kAhead = 1024;  // bytes: the hardware alone does not keep so many streams flowing
  for (std::int64_t i = begin; i < end; i += kRows) {
    const T* row[kRows];  // beyond the end, the last one again
    for (int r = 0; r < kRows; ++r) row[r] = p.matrix + std::min(i + r, end - 1) * p.matrix_row;
    V sum[S][kRows];
    for (auto& of_vector : sum)
      for (V& v : of_vector) v = V(T(0));
    const auto step = [&](auto load, std::int64_t k) {
      V factor[S];
#pragma GCC unroll 4
      for (int s = 0; s < S; ++s) factor[s] = load(p.vectors + s * p.vector_row + k);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const V number = load(row[r] + k);
        prefetch(reinterpret_cast<std::uintptr_t>(row[r] + k) + kAhead);
#pragma GCC unroll 4
        for (int s = 0; s < S; ++s) sum[s][r] = multiply_add(factor[s], number, sum[s][r]);
      }
    };
    std::int64_t k = 0;
    for (; k + kL <= p.depth; k += kL) step([](const T* at) { return load_all<V>(at); }, k);
    if (k < p.depth) step([&](const T* at) { return load_first<V>(at, p.depth - k); }, k);
    for (int s = 0; s < S; ++s)
      for (int r = 0; r < kRows; ++r)
        if (i + r < end) p.store(s, i + r, horizontal_sum(sum[s][r]));
  }
}

// Results [begin, end), not more than kThinStrip, as sums of rows.
inline constexpr std::int64_t kThinStrip = 512;
template <class T, class Arch, int S>
void thin_sums(const ThinProduct<T>& p, std::int64_t begin, std::int64_t end) {
  using V = Vec<T, Arch>;
  constexpr std::int64_t kL = kLanes<T, Arch>;
  constexpr int kTerms = S <= 2 ? 8 : 4;
  T sums[S][kThinStrip];
  for (auto& strip : sums) std::fill(strip, strip + kThinStrip, T(0));
  const auto add = [&](auto terms, std::int64_t k) {
    constexpr int kCount = decltype(terms)::value;
    V factor[S][kCount];
#pragma GCC unroll 4
    for (int s = 0; s < S; ++s)
#pragma GCC unroll 8
      for (int t = 0; t < kCount; ++t) factor[s][t] = V(p.vectors[s * p.vector_row + (k + t) * p.vector_step]);
    const T* row = p.matrix + k * p.matrix_row + begin;
    const auto vector = [&](auto load, std::int64_t i) {
      V sum[S];
#pragma GCC unroll 4
      for (int s = 0; s < S; ++s) sum[s] = load_all<V>(sums[s] + i);
#pragma GCC unroll 8
      for (int t = 0; t < kCount; ++t) {
        const V number = load(row + t * p.matrix_row + i);
#pragma GCC unroll 4
        for (int s = 0; s < S; ++s) sum[s] = multiply_add(factor[s][t], number, sum[s]);
      }
#pragma GCC unroll 4
      for (int s = 0; s < S; ++s) store_all(sums[s] + i, sum[s]);
    };
    std::int64_t i = 0;
    for (; i + kL <= end - begin; i += kL) vector([](const T* at) { return load_all<V>(at); }, i);
    if (i < end - begin) vector([&](const T* at) { return load_first<V>(at, end - begin - i); }, i);
  };
  std::int64_t k = 0;
  for (; k + kTerms <= p.depth; k += kTerms) add(std::integral_constant<int, kTerms>{}, k);
  for (; k < p.depth; ++k) add(std::integral_constant<int, 1>{}, k);
  for (int s = 0; s < S; ++s)
    for (std::int64_t i = begin; i < end; ++i) p.store(s, i, sums[s][i - begin]);
}

template <class T, class Arch, int S>
void thin_product(const ThinProduct<T>& p, bool along_terms) {
  if (along_terms) {
    const std::int64_t grain = std::max<std::int64_t>(16, (1 << 18) / (S * p.depth) / 16 * 16);
    parallel_for(p.count, grain, [&](std::int64_t begin, std::int64_t end) { thin_dots<T, Arch, S>(p, begin, end); });
  } else {
    parallel_for(p.count, kThinStrip,
                 [&](std::int64_t begin, std::int64_t end) { thin_sums<T, Arch, S>(p, begin, end); });
  }
}

}  // namespace detail

/// Computes a product with 1 to kGemmThin rows or columns.
template <class T, class Arch>
void gemm_thin(const GemmProblem<T>& g) {
  const bool rows = g.m <= g.n;  // the vectors are rows of A, and results run along C's rows
  detail::ThinProduct<T> p{};
  p.count = rows ? g.n : g.m;
  p.depth = g.k;
  p.alpha = g.alpha;
  p.beta = g.beta;
  p.c = g.c;
  p.c_vector = rows ? g.ldc : 1;
  p.c_step = rows ? 1 : g.ldc;
  p.vectors = rows ? g.a : g.b;
  p.vector_row = rows ? g.a_row : g.b_column;
  p.vector_step = rows ? g.a_step : g.b_step;
  p.matrix = rows ? g.b : g.a;
  const bool along_terms = rows ? g.b_column != 1 : g.a_row != 1;
  p.matrix_row = rows ? (along_terms ? g.b_column : g.b_step) : (along_terms ? g.a_row : g.a_step);

  const std::int64_t vectors = rows ? g.m : g.n;
  GemmBuffer<T> buffer;
  if (along_terms && p.vector_step != 1) {
    T* packed = buffer.get(vectors * g.k);
    for (std::int64_t s = 0; s < vectors; ++s)
      for (std::int64_t k = 0; k < g.k; ++k) packed[s * g.k + k] = p.vectors[s * p.vector_row + k * p.vector_step];
    p.vectors = packed;
    p.vector_row = g.k;
    p.vector_step = 1;
  }
  switch (vectors) {
    case 1:
      return detail::thin_product<T, Arch, 1>(p, along_terms);
    case 2:
      return detail::thin_product<T, Arch, 2>(p, along_terms);
    case 3:
      return detail::thin_product<T, Arch, 3>(p, along_terms);
    default:
      return detail::thin_product<T, Arch, 4>(p, along_terms);
  }
}

}  // namespace bitgrain::kernels
