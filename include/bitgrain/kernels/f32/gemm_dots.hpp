#pragma once

/// Matrix products as dot products: both operands stand in rows along the inner dimension.
///
/// A long matrix and few vectors (the rows of one operand, the columns of the other) need neither packing nor filling
/// up: vectors run along the sums, so 5 columns cost 5 and not 16, and every number is read where it stands. The
/// price is that the lanes of each sum must be added up at its end, which long sums can pay.
///
/// A block of rows of the matrix stays in the second-level cache while the vectors pass by, 1 to 5 at a time.

#include <algorithm>
#include <cstdint>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/gemm_pack.hpp"
#include "bitgrain/kernels/f32/gemm_problem.hpp"
#include "bitgrain/kernels/memory_hints.hpp"
#include "bitgrain/kernels/simd.hpp"
#include "bitgrain/kernels/transpose.hpp"

namespace bitgrain::kernels {
namespace detail {

/// Vectors at a time.
inline constexpr std::int64_t kDotVectors = 5;
/// Rows of a block: any number of rows that a tile has divides it.
inline constexpr std::int64_t kDotRows = 60;

// c[i * c_row + s * c_vector] = the dot product of row i of the matrix and vector s.
template <class T>
struct DotProducts {
  const T* matrix;
  std::int64_t matrix_row;
  const T* vectors;
  std::int64_t vector_row, depth;
  T alpha, beta;
  T* c;
  std::int64_t c_row, c_vector;
  bool fetch;  // the matrix comes from memory: ask for it ahead, for the hardware alone does not keep its streams
               // flowing (from a cache it does, and asking costs a fifth)
};

// Rows [begin, end) times S vectors.
template <class T, class Arch, int S>
[[gnu::noinline]] void dot_products(const DotProducts<T>& p, std::int64_t begin, std::int64_t end) {
  using V = Vec<T, Arch>;
  constexpr std::int64_t kL = kLanes<T, Arch>;
  constexpr int kLane = static_cast<int>(kL);
  constexpr int kRows = std::min(8, (kLane == 16 ? 16 : 10) / S);  // sums that 32 or 16 registers hold
  constexpr int kSums = (S * kRows + kLane - 1) / kLane * kLane;   // filled up for sum_of_each
  constexpr std::uintptr_t kAhead = 1024;                          // bytes
  for (std::int64_t i = begin; i < end; i += kRows) {
    const T* row[kRows];  // beyond the end, the last one again
    for (int r = 0; r < kRows; ++r) row[r] = p.matrix + std::min(i + r, end - 1) * p.matrix_row;
    V sum[kSums];
    for (V& v : sum) v = V(T(0));
    const auto step = [&](auto load, std::int64_t k) {
      if (p.fetch)
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) prefetch(reinterpret_cast<std::uintptr_t>(row[r] + k) + kAhead);
      V factor[S];
#pragma GCC unroll 8
      for (int s = 0; s < S; ++s) {
        factor[s] = load(p.vectors + s * p.vector_row + k);
        load_once(factor[s]);
      }
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        V number = load(row[r] + k);
        load_once(number);
#pragma GCC unroll 8
        for (int s = 0; s < S; ++s) sum[r * S + s] = multiply_add(factor[s], number, sum[r * S + s]);
      }
    };
    std::int64_t k = 0;
    for (; k + kL <= p.depth; k += kL) step([](const T* at) { return load_all<V>(at); }, k);
    if (k < p.depth) step([&](const T* at) { return load_first<V>(at, p.depth - k); }, k);

    T results[kSums];
#pragma GCC unroll 8
    for (int first = 0; first < kSums; first += kLane)
      store_all(results + first, V(p.alpha) * sum_of_each(sum + first));
    const int rows = static_cast<int>(std::min<std::int64_t>(kRows, end - i));
    const bool fresh = p.beta == T(0);
    if (fresh && p.c_row == S && (S == 1 || p.c_vector == 1) && i + kRows <= end) {  // next to each other
      T* c = p.c + i * S;
#pragma GCC unroll 8
      for (int first = 0; first < S * kRows; first += kLane)
        store_first(c + first, std::min(kLane, S * kRows - first), load_all<V>(results + first));
      continue;
    }
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
      for (int s = 0; s < S; ++s) {
        T& out = p.c[(i + r) * p.c_row + s * p.c_vector];
        out = fresh ? results[r * S + s] : p.beta * out + results[r * S + s];
      }
  }
}

template <class T, class Arch>
void dot_products(const DotProducts<T>& p, std::int64_t vectors, std::int64_t begin, std::int64_t end) {
  switch (vectors) {
    case 1:
      return dot_products<T, Arch, 1>(p, begin, end);
    case 2:
      return dot_products<T, Arch, 2>(p, begin, end);
    case 3:
      return dot_products<T, Arch, 3>(p, begin, end);
    case 4:
      return dot_products<T, Arch, 4>(p, begin, end);
    default:
      return dot_products<T, Arch, 5>(p, begin, end);
  }
}

}  // namespace detail

/// Whether the longer operand of a product stands in rows along the inner dimension.
template <class T>
bool gemm_long_along_terms(const GemmProblem<T>& g) {
  return g.m <= g.n ? g.b_step == 1 : g.a_step == 1;
}

/// Whether dot products take less time than tiles, by counting multiply-adds per row of the longer operand: a tile
/// fills up its columns, or packs what is against its grain (0.3 of a multiply-add a number); a dot product fills up
/// its terms and adds up its lanes (5). Only if gemm_long_along_terms().
template <class T, class Arch>
bool gemm_dots_pay(const GemmProblem<T>& g) {
  constexpr std::int64_t kL = kLanes<T, Arch>, kMostVectors = 32;
  const std::int64_t few = std::min(g.m, g.n);
  const auto vectors = [](std::int64_t numbers) { return (numbers + kL - 1) / kL; };
  const std::int64_t tile = g.m <= g.n ? g.m * g.k / kL + g.k * 3 / 10 : vectors(g.n) * g.k;
  return few <= kMostVectors && few * (vectors(g.k) + 5) < tile;
}

/// Computes a product whose longer operand stands in rows along the inner dimension.
template <class T, class Arch>
void gemm_dots(const GemmProblem<T>& g) {
  const bool rows = g.m <= g.n;  // the vectors are rows of A, and the matrix is B
  const std::int64_t vectors = rows ? g.m : g.n, count = rows ? g.n : g.m;
  detail::DotProducts<T> all{};
  all.matrix = rows ? g.b : g.a;
  all.matrix_row = rows ? g.b_column : g.a_row;
  all.vectors = rows ? g.a : g.b;
  all.vector_row = rows ? g.a_row : g.b_column;
  all.alpha = g.alpha;
  all.c = g.c;
  all.c_row = rows ? 1 : g.ldc;
  all.c_vector = rows ? g.ldc : 1;
  all.fetch = vectors <= detail::kDotVectors && static_cast<std::size_t>(count * g.k) * sizeof(T) >= kStreamingBytes;
  GemmBuffer<T> buffer;
  if (const std::int64_t step = rows ? g.a_step : g.b_step; step != 1) {
    T* packed = buffer.get(vectors * g.k);
    pack_against_grain<T, Arch>(vectors, g.k, all.vectors, step, g.k, packed);
    all.vectors = packed;
    all.vector_row = g.k;
  }

  const std::int64_t groups = (vectors + detail::kDotVectors - 1) / detail::kDotVectors;
  const std::int64_t depth = groups == 1 ? g.k : 1024;  // one group reads everything once, more read from a cache
  const std::int64_t blocks = std::max<std::int64_t>(1, (1 << 18) / (vectors * g.k) / detail::kDotRows);
  parallel_for(count, blocks * detail::kDotRows, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t block = groups == 1 ? end - begin : detail::kDotRows;
    for (; begin < end; begin += block)
      for (std::int64_t first = 0; first < g.k; first += depth)
        for (std::int64_t group = 0; group < groups; ++group) {
          const std::int64_t from = group * vectors / groups, to = (group + 1) * vectors / groups;
          detail::DotProducts<T> some = all;
          some.matrix += first;
          some.vectors += from * all.vector_row + first;
          some.depth = std::min(depth, g.k - first);
          some.beta = first == 0 ? g.beta : T(1);
          some.c += from * all.c_vector;
          detail::dot_products<T, Arch>(some, to - from, begin, std::min(begin + block, end));
        }
  });
}

}  // namespace bitgrain::kernels
