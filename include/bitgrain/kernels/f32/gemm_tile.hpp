#pragma once

/// The register tile of matrix products: up to 14 rows of A times one or two vectors of columns of B.
///
///     C[r, j] = beta C[r, j] + alpha sum over k of A[r, k] B[k, j],     r < rows, j < 2 lanes
///
/// Every step k loads the vectors of B, and per row broadcasts one number of A and does a fused multiply-add per
/// vector. 14 x 2 sums, 2 vectors and a broadcast fill 32 registers; a step takes 14 cycles of two multiply-adds and
/// 16 loads, and reads 128 bytes of B: little enough that B may come from the second-level cache. With 16 registers
/// it is 6 x 2, and so it is for numbers other than float, which training never multiplies (it keeps the code small).
///
/// Tiles have an even number of rows. They are instantiated for every such number, so that m rows are cut into tiles
/// of nearly equal size (RowTiles): the last rows of a matrix would else run in a tile with too few sums in flight (a
/// multiply-add takes 4 cycles, two start per cycle). For odd m the last tile starts a row early and does not store
/// that row again.
///
/// A stands in rows (k next to each other) or in columns (rows next to each other: packed, or stored transposed).

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// The most vectors of columns of a tile.
inline constexpr int kGemmTileVectors = 2;

/// The most rows of a tile.
template <class T, class Arch>
inline constexpr int kGemmTileRows = std::is_same_v<T, float>&& kLanes<T, Arch> == 16 ? 14 : 6;

/// Whether the last vector of B may be cut off by `columns`: masked loads cost nothing with AVX-512, but are taken
/// apart elsewhere.
template <class T, class Arch>
inline constexpr bool kGemmMasksColumns = kLanes<T, Arch> * sizeof(T) == 64 || kLanes<T, Arch> == 1;

/// Memory that a tile asks for on its way, for later: two lines with every term, since bursts between tiles would
/// hold up their loads. Term 16 i + j asks for first + i * block + j * step, in bytes. To fetch nothing, name a place
/// that is there anyway, and no steps: a page that does not exist would be looked for with every term.
struct FetchAhead {
  std::uintptr_t first = 0, step = 0, block = 0;
};

/// A tile's operands and where it goes.
template <class T>
struct GemmTile {
  const T* a;
  std::int64_t a_row, a_step;  ///< A[r, k] is a[r * a_row + k * a_step]; one of the two is 1
  const T* b;                  ///< full vectors, unless kGemmMasksColumns
  std::int64_t b_step;         ///< B[k, j] is b[k * b_step + j]
  std::int64_t depth;          ///< terms of the sum
  T* c;
  std::int64_t ldc;
  std::int64_t columns;  ///< columns to store; they end in the last vector of the tile
  T alpha, beta;         ///< with beta = 0, C is not read
  int skip;              ///< 1: the first row is not stored
  FetchAhead fetch;
};

namespace detail {

template <class T, class Arch, int R, int V, bool kRowWise>
[[gnu::noinline]] void fixed_gemm_tile(const GemmTile<T>& t) {
  using B = Vec<T, Arch>;
  constexpr std::int64_t kL = kLanes<T, Arch>;
  const std::int64_t tail = t.columns - (V - 1) * kL;  // columns of the last vector
  constexpr std::uintptr_t kVector = sizeof(T) * kL;
  B sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[r][v] = B(T(0));

  // Rows a_row apart: a pointer to every fourth row and three offsets reach 14 rows with 7 integer registers.
  constexpr int kPointers = kRowWise ? (R + 3) / 4 : 1;
  const T* a[kPointers];
#pragma GCC unroll 4
  for (int g = 0; g < kPointers; ++g) a[g] = t.a + g * 4 * t.a_row;
  // C arrives while the sums grow.
  if (t.depth > 16)
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (std::uintptr_t v = 0; v < V; ++v)
        prefetch_to_write(reinterpret_cast<std::uintptr_t>(t.c + r * t.ldc) + v * kVector);
  const T* b = t.b;
  const std::int64_t row = t.a_row, three_rows = 3 * row, a_step = t.a_step, b_step = t.b_step;
  const auto step = [&](std::int64_t ahead) {
    B column[V];
#pragma GCC unroll 4
    for (int v = 0; v < V - 1; ++v) column[v] = load_all<B>(b + v * kL);
    if constexpr (kGemmMasksColumns<T, Arch>)
      column[V - 1] = load_first<B>(b + (V - 1) * kL, tail);
    else
      column[V - 1] = load_all<B>(b + (V - 1) * kL);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const B factor(kRowWise ? a[r / 4][ahead + (r % 4 == 3 ? three_rows : r % 4 * row)] : a[0][r]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[r][v] = multiply_add(factor, column[v], sum[r][v]);
    }
    b += b_step;
  };
  std::uintptr_t line = t.fetch.first, block = line;
  const std::uintptr_t fetch_step = t.fetch.step, fetch_block = t.fetch.block;
  const auto fetch = [&](std::int64_t k, std::int64_t last_of_block) {
    prefetch(line);
    prefetch(line + 64);
    line += fetch_step;
    if ((k & 15) == last_of_block) line = block += fetch_block;
  };
  std::int64_t k = 0;
  if constexpr (kRowWise) {
    for (; k + 2 <= t.depth; k += 2) {
      step(0);
      prefetch(line);
      prefetch(line + 64);
      line += fetch_step;
      step(1);
      fetch(k, 14);
#pragma GCC unroll 4
      for (int g = 0; g < kPointers; ++g) a[g] += 2;
    }
    if (k < t.depth) step(0);
  } else {
    for (; k < t.depth; ++k, a[0] += a_step) {
      step(0);
      fetch(k, 15);
    }
  }

  const B alpha(t.alpha), beta(t.beta);
  const bool fresh = t.beta == T(0), whole = tail == kL;
  const std::int64_t ldc = t.ldc;
  const auto store_rows = [&](auto&& store) {
    T* c = t.c;
    if (!t.skip) store(sum[0], c);
#pragma GCC unroll 16
    for (int r = 1; r < R; ++r) store(sum[r], c += ldc);
  };
  // With nothing to multiply, storing takes half the time, which counts in tiles of few terms.
  if (whole && t.alpha == T(1) && fresh) {
    store_rows([](const B* from, T* to) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) store_all(to + v * kL, from[v]);
    });
  } else if (kGemmMasksColumns<T, Arch> && t.alpha == T(1) && fresh) {
    store_rows([&](const B* from, T* to) {
#pragma GCC unroll 4
      for (int v = 0; v < V - 1; ++v) store_all(to + v * kL, from[v]);
      store_first(to + (V - 1) * kL, tail, from[V - 1]);
    });
  } else if (whole && t.alpha == T(1) && t.beta == T(1)) {
    store_rows([](const B* from, T* to) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) store_all(to + v * kL, from[v] + load_all<B>(to + v * kL));
    });
  } else {
    store_rows([&](const B* from, T* to) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v, to += kL) {
        B value = alpha * from[v];
        if (v < V - 1 || whole) {
          if (!fresh) value = multiply_add(beta, load_all<B>(to), value);
          store_all(to, value);
        } else {
          if (!fresh) value = multiply_add(beta, load_first<B>(to, tail), value);
          store_first(to, tail, value);
        }
      }
    });
  }
}

template <class T, class Arch, int V, bool kRowWise>
inline constexpr auto kGemmTileTable = []<int... I>(std::integer_sequence<int, I...>) {
  return std::array{&fixed_gemm_tile<T, Arch, 2 * I + 2, V, kRowWise>...};
}
(std::make_integer_sequence<int, kGemmTileRows<T, Arch> / 2>{});

}  // namespace detail

/// Computes a tile of `rows` rows (even) and `vectors` vectors of columns (1 or 2).
template <class T, class Arch>
void gemm_tile(int rows, int vectors, const GemmTile<T>& tile) {
  const auto pairs = static_cast<std::size_t>(rows / 2 - 1);
  const bool row_wise = tile.a_row != 1;
  if (vectors == 1)
    (row_wise ? detail::kGemmTileTable<T, Arch, 1, true> : detail::kGemmTileTable<T, Arch, 1, false>)[pairs](tile);
  else
    (row_wise ? detail::kGemmTileTable<T, Arch, 2, true> : detail::kGemmTileTable<T, Arch, 2, false>)[pairs](tile);
}

/// How m >= 2 rows are cut into tiles.
template <class T, class Arch>
class RowTiles {
 public:
  struct Tile {
    std::int64_t first;  ///< its first row
    int rows, skip;      ///< even; 1 if the tile before has stored the first row
  };

  explicit RowTiles(std::int64_t m) : odd_(static_cast<int>(m % 2)) {
    constexpr std::int64_t kPairs = kGemmTileRows<T, Arch> / 2;
    const std::int64_t pairs = (m + 1) / 2;
    count_ = std::max<std::int64_t>((pairs + kPairs - 1) / kPairs, 1 + odd_);
    least_ = pairs / count_;
    higher_ = pairs % count_;
  }
  std::int64_t count() const { return count_; }
  /// Rows of the tiles before tile i: where a packed matrix has it.
  std::int64_t place(std::int64_t i) const { return 2 * (i * least_ + std::min(i, higher_)); }
  Tile operator[](std::int64_t i) const {
    const int skip = i + 1 == count_ ? odd_ : 0;
    return {place(i) - skip, static_cast<int>(place(i + 1) - place(i)), skip};
  }

 private:
  int odd_;
  std::int64_t count_, least_, higher_;  // pairs of rows of a tile, one more in the first `higher_` tiles
};

}  // namespace bitgrain::kernels
