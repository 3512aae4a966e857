#pragma once

/// The register tile: the one inner loop behind matrix products and convolutions in every direction.
///
/// It multiplies a few rows of A by a few vectors of columns of B and keeps the products' sums in registers:
///
///     C[p, j] (+)= start[j] + sum over segments s, steps k of
///                      A[s.a + rows[p] + k * a_step] * B[s.b + k * b_step + j],    j = 0 .. V * lanes - 1
///
/// Every step loads V vectors of B, and per row broadcasts one number of A and does V fused multiply-adds. Rows stand
/// anywhere (an offset each) and a sum may consist of several equal runs, the segments; that is all a convolution
/// needs to read an image in place:
///
///     direction          rows p             columns j            a step k walks along    segments
///     forward            output pixels      output channels      kernel width x input    kernel rows
///     backward data      input pixels       input channels       kernel width x output   kernel rows
///     backward weights   output channels    kernel width x in    output pixels of a row  image rows
///     C = op(A) op(B)    rows of op(A)      columns of op(B)     the inner dimension     one
///
/// Why 8 rows: a fused multiply-add takes 4 cycles and two start per cycle, so at least 8 sums must be in flight; 8 x
/// 3 sums and the vectors of B fill 32 registers, and 8 offsets still fit the general-purpose ones. With 16 registers
/// (AVX2, SSE) the tile shrinks to 12 sums.

#include <cstdint>

#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// Where one run of a sum starts in A and in B.
struct TileSegment {
  std::int64_t a, b;
};

/// The operands of a tile. All segments have `length` steps.
template <class T>
struct TileInput {
  const T* a;
  const std::int64_t* rows;  ///< offset of each row; tile_rows() of them, of which `TileOutput::rows` count
  std::int64_t a_step;
  const T* b;  ///< every step reads V full vectors, beyond `columns` too
  std::int64_t b_step;
  const TileSegment* segments;
  std::int64_t segment_count;
  std::int64_t length;
};

/// Where a tile goes.
template <class T>
struct TileOutput {
  T* c;
  const std::int64_t* offsets;  ///< offset of each row
  std::int64_t rows;            ///< rows to store, at least 1
  std::int64_t columns;         ///< columns to store; the rest of the vectors is dropped
  const T* start;               ///< V full vectors that the sums begin with (a bias), or null: zeros
  bool accumulate;              ///< add to c, instead of overwriting it
};

/// The most vectors of columns in a tile.
inline constexpr int kTileVectors = 3;

#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int kVectorRegisters = 32;
#else
inline constexpr int kVectorRegisters = 16;
#endif

/// Rows of a tile of `vectors` vectors.
constexpr int tile_rows(int vectors) {
  if (kVectorRegisters == 32) return 8;
  return vectors == 1 ? 8 : 12 / vectors;
}
inline constexpr int kMaxTileRows = 8;

/// How many vectors the next tile takes when `vectors` are left: 3, but 4 = 2 + 2.
constexpr int next_tile_vectors(std::int64_t vectors) {
  if (vectors == 4) return 2;
  return vectors < kTileVectors ? static_cast<int>(vectors) : kTileVectors;
}

namespace detail {

// Stores the first `columns` numbers of a row of a tile, or adds them to what C holds.
template <class T, class Arch, int V>
void store_partly(T* c, const Vec<T, Arch>* sum, std::int64_t columns, bool accumulate) {
  using B = Vec<T, Arch>;
  constexpr std::int64_t kL = kLanes<T, Arch>;
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) {
    const std::int64_t left = columns - v * kL;
    if (left >= kL)
      store_all(c + v * kL, accumulate ? load_all<B>(c + v * kL) + sum[v] : sum[v]);
    else if (left > 0)
      store_first(c + v * kL, left, accumulate ? load_first<B>(c + v * kL, left) + sum[v] : sum[v]);
  }
}

template <class T, class Arch, int V>
[[gnu::noinline]] void fixed_tile(const TileInput<T>& in, const TileOutput<Sum<T>>& out) {
  using B = Vec<T, Arch>;
  using C = Vec<Sum<T>, Arch>;
  constexpr std::int64_t kL = kLanes<T, Arch>;
  constexpr int kRows = tile_rows(V);
  C sum[kRows][V];
  std::int64_t row[kRows];
#pragma GCC unroll 8
  for (int p = 0; p < kRows; ++p) {
    row[p] = in.rows[p];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sum[p][v] = out.start ? load_all<C>(out.start + v * kL) : C(Sum<T>(0));
  }
  for (std::int64_t s = 0; s < in.segment_count; ++s) {
    const T* a = in.a + in.segments[s].a;
    const T* b = in.b + in.segments[s].b;
    for (std::int64_t k = in.length; k > 0; --k) {
      B column[V];
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) column[v] = load_all<B>(b + v * kL);
#pragma GCC unroll 8
      for (int p = 0; p < kRows; ++p) {
        const B factor(a[row[p]]);
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) sum[p][v] = multiply_add(factor, column[v], sum[p][v]);
      }
      a += in.a_step;
      b += in.b_step;
    }
  }
  const bool whole = out.columns == V * kL;
#pragma GCC unroll 8
  for (int p = 0; p < kRows; ++p) {
    if (p >= out.rows) break;
    Sum<T>* c = out.c + out.offsets[p];
    if (whole && !out.accumulate) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) store_all(c + v * kL, sum[p][v]);
    } else {
      store_partly<Sum<T>, Arch, V>(c, sum[p], out.columns, out.accumulate);
    }
  }
}

}  // namespace detail

/// Computes one tile of `vectors` (1 to kTileVectors) vectors of columns.
template <class T, class Arch>
void multiply_tile(int vectors, const TileInput<T>& in, const TileOutput<Sum<T>>& out) {
  if (vectors == 1) return detail::fixed_tile<T, Arch, 1>(in, out);
  if (vectors == 2) return detail::fixed_tile<T, Arch, 2>(in, out);
  return detail::fixed_tile<T, Arch, 3>(in, out);
}

}  // namespace bitgrain::kernels
