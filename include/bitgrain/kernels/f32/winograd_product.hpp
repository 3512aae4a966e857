#pragma once

/// The register tiles of the 36 matrix products in the middle of Winograd's convolution.

#include <cstdint>
#include <utility>

#include "bitgrain/kernels/f32/tile.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// Rows of a Winograd product's register tile: with two vectors of columns 24 sums of 32 registers, or 12 of 16.
inline constexpr int kWinogradRows = kVectorRegisters == 32 ? 12 : 6;

/// C = A B for up to kWinogradRows rows and one or two vectors of columns. Row r of A, step k is
/// a[r * a_row + k * a_step]; step k of column vector v is b + v * b_vector + k * b_step.
template <class Arch>
struct WinogradProduct {
  std::int64_t steps;
  const float* a;
  std::int64_t a_row, a_step;
  const float* b;
  std::int64_t b_vector, b_step;
  float* c;
  std::int64_t c_row;
  std::uintptr_t ahead = 0;  ///< unless kContiguous, every step asks for a vector from here on to be cached
};

namespace detail {

// kContiguous: the rows of A are neighbours (a_row = 1), the steps a_step apart; otherwise the other way round.
template <class Arch, int R, int V, bool kContiguous>
[[gnu::noinline]] void winograd_tile(const WinogradProduct<Arch>& p) {
  using B = Vec<float, Arch>;
  constexpr std::int64_t kL = kLanes<float, Arch>;
  constexpr int kFours = (R + 3) / 4;
  B sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) sum[r][v] = B(0.0F);
  // An address register for every fourth row and the multiples of the row step reach all rows.
  const std::int64_t row = p.a_row, row3 = 3 * row;
  const float* four[kFours];
#pragma GCC unroll 4
  for (int f = 0; f < kFours; ++f) four[f] = p.a + 4 * f * row;
  const float* b = p.b;
  std::uintptr_t ahead = p.ahead;
  for (std::int64_t k = p.steps; k > 0; --k) {
    B column[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) column[v] = load_all<B>(b + v * p.b_vector);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const B factor(kContiguous  ? four[0][r]
                     : r % 4 == 0 ? *four[r / 4]
                     : r % 4 == 1 ? four[r / 4][row]
                     : r % 4 == 2 ? four[r / 4][2 * row]
                                  : four[r / 4][row3]);
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) sum[r][v] = multiply_add(factor, column[v], sum[r][v]);
    }
    b += p.b_step;
    if constexpr (!kContiguous)
      prefetch(std::exchange(ahead, ahead + static_cast<std::uintptr_t>(kL) * sizeof(float)));
#pragma GCC unroll 4
    for (int f = 0; f < (kContiguous ? 1 : kFours); ++f) four[f] += kContiguous ? p.a_step : 1;
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) store_all(p.c + r * p.c_row + v * kL, sum[r][v]);
}

template <class Arch, bool kContiguous>
using WinogradTile = void (*)(const WinogradProduct<Arch>&);

template <class Arch, int V, bool kContiguous, int... R>
WinogradTile<Arch, kContiguous> find_winograd_tile(int rows, std::integer_sequence<int, R...>) {
  static constexpr WinogradTile<Arch, kContiguous> kTiles[] = {winograd_tile<Arch, R + 1, V, kContiguous>...};
  return kTiles[rows - 1];
}

}  // namespace detail

/// C = A B for any number of rows and `vectors` vectors of columns: pieces of nearly equal height. a_step is 1, or
/// a_row is 1 if kContiguous; otherwise the vectors of B stand one after the other (b_vector = steps * b_step), and
/// while two of them are multiplied the next two are brought into the second-level cache.
template <class Arch, bool kContiguous>
void winograd_product(std::int64_t rows, std::int64_t vectors, WinogradProduct<Arch> p) {
  constexpr std::make_integer_sequence<int, kWinogradRows> kHeights{};
  const std::int64_t pieces = (rows + kWinogradRows - 1) / kWinogradRows;
  const WinogradProduct<Arch> first = p;
  for (std::int64_t v = 0; v < vectors; v += 2) {
    for (std::int64_t i = 0; i < pieces; ++i) {
      const std::int64_t begin = i * rows / pieces, height = (i + 1) * rows / pieces - begin;
      p.a = first.a + begin * first.a_row;
      p.b = first.b + v * first.b_vector;
      p.ahead = reinterpret_cast<std::uintptr_t>(p.b) +
                static_cast<std::uintptr_t>(2 * p.b_vector + i * p.steps * kLanes<float, Arch>) * sizeof(float);
      p.c = first.c + begin * first.c_row + v * kLanes<float, Arch>;
      const int r = static_cast<int>(height);
      (v + 1 < vectors ? detail::find_winograd_tile<Arch, 2, kContiguous>(r, kHeights)
                       : detail::find_winograd_tile<Arch, 1, kContiguous>(r, kHeights))(p);
    }
  }
}

}  // namespace bitgrain::kernels
